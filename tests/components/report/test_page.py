import re

import numpy as np
import pytest

from components.report import figures
from components.report.page import Page, cell_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (float("nan"), "–"), (float("inf"), "∞"), (True, "yes"), (np.bool_(False), "no"),
        (1234567, "1,234,567"), (np.int64(5), "5"), (0.0, "0.0000"), (0.312345, "0.3123"), (3.14159, "3.142"),
        (12345.678, "12,346"), (1e-7, "1.000e-07"), (np.float32(0.5), "0.5000"), ("milk", "milk"), (-0.25, "-0.2500"),
    ],
)  # fmt: skip
def test_cells_read_as_a_person_reads_them(value, text):
    assert cell_text(value) == text


def test_everything_given_is_escaped():
    evil = '<script>alert("x")</script>'
    page = Page(evil, evil).heading(evil).text(evil).verdict(True, evil).table([evil], [[evil]], evil)
    html = page.figure(figures.curves([0, 1], {"a": [1, 2]}, "x", "y", "t"), evil, evil).html()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 11  # each of the eleven places a page takes text


def test_numbers_stand_right_and_words_left():
    html = Page("t").table(["name", "share", "interval"], [["a", 0.5, "0.1 – 0.9"], ["b", None, "–"]]).html()
    assert html.count('class="number"') == 2 * 3  # two columns: one head, two cells each
    assert "<td>a</td>" in html


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="2 cells in a table of 1 columns"):
        Page("t").table(["a"], [[1, 2]])


def test_the_page_needs_nothing_from_elsewhere():
    figure = figures.metric_bars(["a"], [1.0], [0.5], [1.5], "t", "x")
    html = Page("t").figure(figure, "c", "a").table(["a"], [[1]]).html()
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", html)
    assert "url(" not in html
    assert "default-src 'none'" in html


def test_equal_content_gives_equal_bytes(tmp_path):
    def made():
        figure = figures.histogram_pair(np.arange(9.0), np.arange(5.0), "t", "x")
        return Page("t").figure(figure, "c", "a").html()

    assert made() == made()


def test_the_page_is_written(tmp_path):
    assert (
        Page("milk · 牛奶")
        .write(tmp_path / "new" / "page.html")
        .read_text(encoding="utf-8")
        .startswith("<!doctype html>")
    )


@pytest.mark.parametrize(
    "figure",
    [
        lambda: figures.metric_bars(["a", "b"], [0.5, np.nan], [0.4, np.nan], [0.6, np.nan], "t", "x"),
        lambda: figures.curves([1, 2, 3], {"a": [3, 2, 1], "b": [1]}, "x", "y", "t", {"a": ([2, 1, 0], [4, 3, 2])}),
        lambda: figures.interval_plot(["a"], [0.1], [-0.1], [0.3], "t", "x"),
        lambda: figures.histogram_pair(np.ones(5), np.array([1.0, np.nan]), "t", "x"),
        lambda: figures.share_pair({"a": 0.5, "b": 0.5}, {"c": 1.0}, "t"),
    ],
)
def test_every_figure_draws(figure, tmp_path):
    figure().savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 1000


def test_a_word_that_no_line_holds_may_break_anywhere_and_others_may_not():
    html = Page("t").table(["id", "why"], [["A" * 10_000, "because"]]).html()
    assert f'<td class="long">{"A" * 10_000}</td><td>because</td>' in html
    assert ".long { overflow-wrap: anywhere" in html
