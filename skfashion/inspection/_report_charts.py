"""The charts of the report, as plain data for Plotly.

Built without Plotly's Python side: the page needs its script only. Text that comes from
users is escaped here, since Plotly reads tags in labels.
"""

from itertools import pairwise

import numpy as np

from skfashion.inspection._report_html import escape
from skfashion.inspection._style import BLUE, GREY, INK, ORANGE
from skfashion.inspection._values import scale_of, shortened, thinned, value_text

# Cividis at eleven places (Nunez, Anderton and Renslow 2018, doi:10.1371/journal.pone.0199239).
_CIVIDIS = (
    *("#00224e", "#083370", "#35456c", "#4f576c", "#666970", "#7d7c78"),
    *("#948e77", "#aea371", "#c8b866", "#e5cf52", "#fee838"),
)
_FONT = {"family": "system-ui, -apple-system, Segoe UI, Roboto, Arial, sans-serif", "size": 12}
# Points between two axes: as many as make a line smooth, and easy to point at.
_STEPS = 16
_LONGEST = 14
# Of the length of an axis: two ticks nearer than this would be written over each other.
_NEAR = 0.065


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
    units = np.array([scale.unit() for scale in scales])
    last = len(scales) - 1
    ease = np.linspace(0, 1, _STEPS, endpoint=False)
    ease = ease * ease * (3 - 2 * ease)
    x = np.linspace(0, last, _STEPS * last + 1)
    data = []
    for k in sorted(range(len(known)), key=lambda k: (known[k] == best, units[last, k])):
        y = [a + (b - a) * t for a, b in pairwise(units[:, k]) for t in ease]
        color = _CIVIDIS[round(10 * units[last, k])]
        data.append(_line(known[k], best, x, [*y, units[last, k]], texts, color, 0.75))
    notes, axes = [], []
    for k, (name, scale) in enumerate(zip([*columns, "score"], scales, strict=True)):
        ticks = thinned(scale.unit_ticks(), _NEAR)
        for (at, _), text in zip(ticks, shortened([t for _, t in ticks], _LONGEST), strict=True):
            notes.append(_note(k, at, escape(text), bgcolor="rgba(255,255,255,.8)", xshift=4))
        label = escape(shortened([name], 22)[0]) + (" (log)" if scale.kind == "log" else "")
        label = f"<b>{label}</b>" if k == last else label
        side = "left" if k == 0 else "right" if k == last else "center"
        style = {"xanchor": side, "yanchor": "bottom", "yshift": 12 + 17 * (k % 2)}
        notes.append(_note(k, 1, label, **style))
        line = {"color": INK, "width": 1}
        axes.append({"type": "line", "x0": k, "x1": k, "y0": 0, "y1": 1, "line": line})
    hidden = {"visible": False, "fixedrange": True}
    layout = _layout(
        xaxis={**hidden, "range": [-0.08, last + 0.35]},
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
    line = {"color": INK, "width": 1, "dash": "dash"}
    for phase, epoch in list(phases.items())[1:]:
        at = {"x0": epoch - 0.5, "x1": epoch - 0.5, "y0": 0, "y1": 1, "yref": "paper"}
        shapes.append({"type": "line", **at, "line": line})
        name = escape(phase.replace("_", "-"))
        notes.append(_note(epoch - 0.5, 1, name, yref="paper", yanchor="top", xshift=4))
    whole = -(-int(drawn["epoch"].max()) // 8)  # at most eight ticks
    layout = _layout(
        xaxis={**_axis("epoch"), "rangemode": "normal", "dtick": whole},
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


def _note(x, y, text, **more):
    font = {"size": 12, "color": INK}
    note = {"x": x, "y": y, "text": text, "showarrow": False, "borderpad": 1, "font": font}
    return {**note, "xanchor": "left", "yanchor": "middle", **more}


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
