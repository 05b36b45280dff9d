"""What is written in a plot, and whether it can be read."""

from itertools import combinations

import matplotlib
from matplotlib.path import Path
from matplotlib.transforms import Affine2D


def texts(figure):
    """Return the texts that are seen."""
    figure.canvas.draw()
    found = [
        text
        for text in figure.findobj(matplotlib.text.Text)
        if text.get_visible() and text.get_text().strip()
    ]
    frame, absent = figure.bbox, not_drawn(figure)
    return [t for t in found if t not in absent and frame.overlaps(t.get_window_extent())]


def not_drawn(figure):
    """Return the labels of ticks outside the limits, or of no axis: kept, and not drawn."""
    labels = set()
    for axis in figure.findobj(matplotlib.axis.Axis):
        drawn = axis._update_ticks() if axis.axes.axison else []
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
            if tick not in drawn:
                labels |= {tick.label1, tick.label2}
    return labels


def outline(text):
    """Return the four corners of a text, turned as it is, a little inwards."""
    angle = text.get_rotation()
    if angle % 90 == 0:
        box, turn = text.get_window_extent(), Affine2D()
    else:
        assert text.get_rotation_mode() == "anchor"
        text.set_rotation(0)
        box = text.get_window_extent()
        text.set_rotation(angle)
        place = text.get_transform().transform(text.get_unitless_position())
        turn = Affine2D().rotate_deg_around(*place, angle)
    (left, low), (right, high) = box.shrunk(0.9, 0.8).get_points()
    return turn.transform([(left, low), (right, low), (right, high), (left, high)])


def assert_readable(figure):
    """Fail if two texts lie on each other."""
    outlines = [(text.get_text(), Path(outline(text), closed=False)) for text in texts(figure)]
    for (a, one), (b, other) in combinations(outlines, 2):
        assert not one.intersects_path(other, filled=True), (a, b)


def written(figure):
    """Return what is seen, as strings."""
    return [text.get_text() for text in texts(figure)]
