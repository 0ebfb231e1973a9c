"""Names beside points, read off the figure as it is drawn; intervals that hold nothing but their mean."""

import numpy as np
from matplotlib.text import Text

from components.report import figures


def test_names_of_points_that_lie_close_cover_neither_each_other_nor_a_point():
    draw = np.random.default_rng(3)
    points = {f"model_{at:02}": (float(10 ** draw.uniform(-1, 0)), float(draw.uniform(0, 1))) for at in range(25)}
    figure = figures.new_figure(height=6)
    ax = figures.new_axes(figure, "", "seconds", "gain")
    ax.set_xscale("log")
    dots = ax.scatter(*zip(*points.values(), strict=True))
    ax.margins(0.2)
    figures.name_points(ax, points)
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in ax.texts]  # without the line that leads to it
    assert [text.get_text() for text in ax.texts] == list(points)
    assert not [(a, b) for at, a in enumerate(boxes) for b in boxes[:at] if a.overlaps(b)]
    middles = ax.transData.transform(dots.get_offsets())
    assert not [name for name, box in zip(points, boxes, strict=True) if any(box.contains(*at) for at in middles)]


def test_an_interval_that_rounding_sets_beside_its_mean_is_drawn():
    drawn = figures.metric_bars(["a", "b"], [0.63, np.nan], [0.63 + 1e-15, np.nan], [0.63, np.nan], "t", "x")
    assert len(drawn.axes[0].patches) == 2
    assert figures.interval_plot(["a"], [0.5], [0.5], [0.5 - 1e-15], "t", "x").axes
