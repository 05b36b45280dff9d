"""The part of the report on what may be wrong with images and labels."""

import numpy as np

from skfashion.inspection import _report_html as parts
from skfashion.inspection._pictures import pictures

_SHOWN = 12  # of a kind
# By kind: what one is called, what several are, and what is told of them.
_KINDS = {
    "copy": ("copy of another image", "copies of other images", "The same pixels twice."),
    "near copy": ("near copy of another image", "near copies of other images", "Nearly the same."),
    "label": (
        "label that models contradict",
        "labels that models contradict",
        "Models that were not trained on an image say something else, the surest first. Some are "
        "wrong labels, some are hard images.",
    ),
    "outlier": ("image unlike all others", "images unlike all others", "The furthest first."),
    "blank": ("blank image", "blank images", "One colour all over."),
    "size": (
        "image of an odd size or shape",
        "images of an odd size or shape",
        "The furthest from the usual first.",
    ),
    "class": ("class with few images", "classes with few images", ""),
}
_BORDERS = {"classes": "classes", "parts": "training and test images", "folds": "folds"}


def counted_findings(findings):
    """Yield each kind, how many were found, what these are called, and what they lie across."""
    for kind, (one, several, _) in _KINDS.items():
        own = findings[findings["kind"] == kind]
        n = _n_images(own) if kind != "class" else len(own)
        borders = {
            text: _n_images(own[own["across"].str.contains(key)]) for key, text in _BORDERS.items()
        }
        told = ", ".join(f"{count:,} across {text}" for text, count in borders.items() if count)
        if n:
            yield kind, n, one if n == 1 else several, f" ({told})" if told else ""


def _n_images(findings):
    return len(findings[["part", "index"]].drop_duplicates())


def of_findings(findings, images, image_shape):
    """Return what is told of findings; `images` are those of each part, where they are known."""
    rows, shown = [], ""
    for kind, n, name, across in counted_findings(findings):
        own, told = findings[findings["kind"] == kind], f"{n:,}{across}"
        if kind == "class":
            told = ", ".join(f"{row.label} ({row.value:.0f})" for row in own.itertuples())
        own = own[own["part"].isin(images) & own["index"].notna()].head(_SHOWN)
        if len(own):
            shown += parts.tag("h3", name.capitalize()) + parts.tag(
                "p", _KINDS[kind][2], klass="soft"
            )
            shown += _figures(own, images, image_shape)
        rows.append((name, told))
    nothing = parts.tag("p", "Nothing was found.")
    return {"findings": parts.facts(rows) + shown if rows else nothing}


def _figures(findings, images, image_shape):
    places = [*zip(findings["part"], findings["index"], strict=True)]
    pairs = zip(findings["other_part"], findings["other_index"], strict=True)
    others = [place if place[0] in images else None for place in pairs]
    known = {}
    for part, X in images.items():
        index = sorted({place[1] for place in [*places, *others] if place and place[0] == part})
        if index:
            found = pictures(X, np.array(index, dtype=int), image_shape=image_shape)
            known |= zip([(part, i) for i in index], found, strict=True)
    figures = ""
    for place, other, row in zip(places, others, findings.itertuples(), strict=True):
        shown = parts.picture(known[place], row.kind)
        first, second = f"{row.value:.1f} times the usual", row.label
        if other:
            shown = parts.tag("div", shown + parts.picture(known[other], row.kind), klass="two")
            first = "the same" if row.kind == "copy" else f"{row.value:.1f} of 255 apart"
            second = ", ".join(dict.fromkeys([str(row.label), str(row.other_label)]))
        elif row.kind == "label":
            first, second = f"looks like {row.suggested}", f"is labelled {row.label}"
        elif row.kind != "size":
            first = f"{row.value:.1f} deviations" if row.kind == "outlier" else "blank"
        figures += parts.figure(shown, first, second, row.file)
    return parts.tag("div", figures, klass="mistakes")
