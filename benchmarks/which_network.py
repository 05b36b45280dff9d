"""Draw the table of "Which network": ``python -m benchmarks.which_network``."""

import re

from benchmarks.harness import ROOT

PAGE = ROOT / "docs" / "guide" / "which_network.md"
PICTURE = ROOT / "docs" / "_static" / "which_network.png"
# Of a label, in points from its point; those that nothing is near stand to the right.
_PLACES = {
    "mobilenet_v1": (6, -9),
    "mobilenet_v2": (6, 2),
    "efficientnet_v2_b0": (6, -8),
    "efficientnet_v2_b2": (-6, 3),
    "densenet121": (6, -9),
    "convnext_tiny": (-6, 5),
}
_BEST, _OTHER = "#d55e00", "#767676"


def networks():
    """Return name, CPU seconds for 1,000 images and share of ImageNet, as the table has them."""
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)`([^|]*)\|[^|]*\|[^|]*\|([^|]*)%\s*\|([^|]*)\|", text, re.M)
    return [(name + width.rstrip(), float(s), float(share)) for name, width, share, s in rows]


def draw(path=PICTURE):
    """Draw accuracy against time; what nothing quicker beats stands out."""
    from matplotlib.figure import Figure

    found = networks()
    figure = Figure((7.2, 4.2), layout="constrained")
    ax = figure.subplots()
    best = [
        (seconds, share)
        for _, seconds, share in found
        if not any(s <= seconds and a > share for _, s, a in found)
    ]
    ax.plot(*zip(*sorted(best), strict=True), color=_BEST, linewidth=1, alpha=0.5)
    for name, seconds, share in found:
        color = _BEST if (seconds, share) in best else _OTHER
        ax.plot(seconds, share, "o", color=color, markersize=6)
        x, y = _PLACES.get(name, (6, -3))
        ax.annotate(
            name,
            (seconds, share),
            (x, y),
            textcoords="offset points",
            ha="left" if x > 0 else "right",
            fontsize=8,
            color=color,
        )
    ax.set(xscale="log", xlabel="CPU seconds for 1,000 images of 160 x 160", xlim=(2, 800))
    ax.set(ylabel="ImageNet, % right as published", xticks=(3, 10, 30, 100, 300))
    ax.set_xticklabels(("3", "10", "30", "100", "300"))
    ax.minorticks_off()
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=160, metadata={"Software": None})


if __name__ == "__main__":
    draw()
