"""The charts of the report, as plain data for Plotly.

Built without Plotly's Python side: the page needs its script only. Text that comes from
users is escaped here, since Plotly reads tags in labels.
"""

import html
import math
from itertools import pairwise

import numpy as np

from skfashion.inspection._scales import scale_of, shortened, thinned, value_text
from skfashion.inspection._style import BLUE, GREY, INK, ORANGE

# Cividis at eleven places (Nunez, Anderton and Renslow 2018, doi:10.1371/journal.pone.0199239).
_CIVIDIS = (
    *("#00224e", "#083370", "#35456c", "#4f576c", "#666970", "#7d7c78"),
    *("#948e77", "#aea371", "#c8b866", "#e5cf52", "#fee838"),
)
_FONT = {"family": "system-ui, -apple-system, Segoe UI, Roboto, Arial, sans-serif", "size": 12}
# Points between two axes: as many as make a line smooth, and easy to point at.
_STEPS = 16
_LONGEST = 14


def hover_text(candidate, score, columns):
    """Return what is shown when one points at a candidate."""
    lines = [f"<b>candidate {candidate}</b>  score {score:.4f}"]
    for name, values in columns.items():
        text = value_text(values[candidate])
        text = text if len(text) <= 60 else text[:59] + "\N{HORIZONTAL ELLIPSIS}"
        lines.append(f"{escape(name)}: {escape(text)}")
    return "<br>".join(lines)


def parallel(columns, scores, best, texts):
    """Return parallel coordinates: an axis a parameter, a line a candidate.

    Plotly's own can't be pointed at, and needs WebGL.
    """
    known = np.flatnonzero(np.isfinite(scores))
    scales = [scale_of([values[i] for i in known]) for values in columns.values()]
    scales.append(scale_of(scores[known].tolist(), log=False))
    names = [*columns, "score"]
    ease = np.linspace(0, 1, _STEPS, endpoint=False)
    ease = ease * ease * (3 - 2 * ease)
    x = np.linspace(0, len(scales) - 1, _STEPS * (len(scales) - 1) + 1)
    data = []
    order = sorted(range(len(known)), key=lambda k: (known[k] == best, scores[known[k]]))
    for k in order:
        ends = [scale.positions[k] for scale in scales]
        y = [a + (b - a) * t for a, b in pairwise(ends) for t in ease]
        color = _CIVIDIS[round(10 * scales[-1].positions[k])]
        data.append(_line(known[k], best, x, [*y, ends[-1]], texts, color, 0.75))
    notes = []
    for k, (name, scale) in enumerate(zip(names, scales, strict=True)):
        ticks = thinned(scale.ticks)
        texts_there = shortened([text for _, text in ticks], _LONGEST)
        notes += [
            _note(k, at, escape(text), bgcolor="rgba(255,255,255,.8)", xshift=4)
            for (at, _), text in zip(ticks, texts_there, strict=True)
        ]
        last = k == len(names) - 1
        side = "left" if k == 0 else "right" if last else "center"
        label = escape(shortened([name], 22)[0]) + (" (log)" if scale.kind == "log" else "")
        label = f"<b>{label}</b>" if last else label
        notes.append(_note(k, 1, label, side=side, yanchor="bottom", yshift=12 + 17 * (k % 2)))
    axes = [
        {"type": "line", "x0": k, "x1": k, "y0": 0, "y1": 1, "line": {"color": INK, "width": 1}}
        for k in range(len(names))
    ]
    hidden = {"visible": False, "fixedrange": True}
    layout = _layout(
        xaxis={**hidden, "range": [-0.08, len(names) - 1 + 0.35]},
        yaxis={**hidden, "range": [-0.04, 1.03]},
        annotations=notes,
        shapes=axes,
        margin={"l": 4, "r": 4, "t": 56, "b": 8},
    )
    return {"data": data, "layout": layout}


def curves(history, metric, best, texts):
    """Return the learning curves of all candidates, the best in front."""
    folds = history[history["fold"].notna()]
    drawn = folds if len(folds) else history
    drawn = drawn[np.isfinite(drawn[metric].astype(float))]
    means = drawn.groupby(["candidate", "epoch"])[metric].mean()
    data = []
    for candidate in sorted(set(drawn["candidate"]), key=lambda c: c == best):
        curve = means.loc[candidate]
        data.append(_line(candidate, best, curve.index, curve, texts, GREY, 0.9))
    shapes, notes = [], []
    phases = history[history["candidate"] == best].groupby("phase", sort=False)["epoch"].min()
    for phase, epoch in list(phases.items())[1:]:
        at = float(epoch) - 0.5
        line = {"color": INK, "width": 1, "dash": "dash"}
        shapes.append(
            {"type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1, "line": line}
        )
        notes.append(
            _note(at, 1, escape(phase.replace("_", "-")), yref="paper", yanchor="top", xshift=4)
        )
    layout = _layout(
        xaxis={**_axis("epoch"), "rangemode": "normal", "dtick": _whole(drawn["epoch"].max())},
        yaxis=_axis(None),
        shapes=shapes,
        annotations=notes,
        margin={"l": 48, "r": 12, "t": 12, "b": 44},
    )
    return {"data": data, "layout": layout}


def overfitting(train, test, best, texts):
    """Return training minus test score of each candidate, against its test score."""
    data = []
    for i in sorted(np.flatnonzero(np.isfinite(train - test)), key=lambda i: i == best):
        data.append(
            {
                "x": [float(train[i] - test[i])],
                "y": [float(test[i])],
                "mode": "markers",
                "marker": {"size": 11, "color": ORANGE if i == best else BLUE},
                "hoverinfo": "text",
                "hovertext": f"{texts[i]}<br>train minus test: {train[i] - test[i]:+.4f}",
                "meta": {"candidate": int(i), "best": bool(i == best)},
            }
        )
    layout = _layout(
        xaxis=_axis("training minus test score"),
        yaxis=_axis("mean test score"),
        margin={"l": 62, "r": 12, "t": 12, "b": 44},
    )
    return {"data": data, "layout": layout}


def escape(text):
    """Return text in which Plotly, and a page, find no tags."""
    return html.escape(str(text))


def _line(candidate, best, x, y, texts, color, opacity):
    front = candidate == best
    n = len(x)
    return {
        "x": [round(float(value), 4) for value in x],
        "y": [round(float(value), 5) for value in y],
        "mode": "lines" if n > 1 else "markers",
        "line": {"width": 3.5 if front else 1.6, "color": ORANGE if front else color},
        "marker": {"size": 8, "color": ORANGE if front else color},
        "opacity": 1 if front else opacity,
        "hoverinfo": "text",
        "hovertext": texts[candidate],
        "meta": {"candidate": int(candidate), "best": bool(front)},
    }


def _note(x, y, text, *, side="left", **more):
    return {
        **{"x": x, "y": y, "text": text, "showarrow": False, "borderpad": 1},
        **{"xanchor": side, "yanchor": "middle", "font": {"size": 12, "color": INK}},
        **more,
    }


def _whole(n):
    """Return a distance of ticks at whole epochs, at most eight of them."""
    rough = max(1.0, float(n) / 8)
    size = 10 ** math.floor(math.log10(rough))
    return next(int(size * m) for m in (1, 2, 5, 10) if size * m >= rough)


def _axis(title):
    return {
        "title": {"text": title, "font": {"size": 12}} if title else None,
        "fixedrange": True,
        "gridcolor": "#e6e8ea",
        "zeroline": False,
        "automargin": True,
        "tickfont": {"size": 12},
        "nticks": 6,
    }


def _layout(**more):
    return {
        "font": {**_FONT, "color": INK},
        "showlegend": False,
        "hovermode": "closest",
        "hoverlabel": {"align": "left", "bgcolor": "#fff", "font": {"size": 12, "color": INK}},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        **more,
    }
