"""Copies of data/ that killed runs left are found beside it, and removed unless they may be the only ones."""

import pytest

from components.core.bundle import replacing
from components.core.errors import DataError
from components.forgetting.leftovers import find_leftovers


def left_behind(root):
    """What runs leave that are killed while they bring data in: a fresh folder, or the old one between two renames."""
    for name in (".data.k1ll3d", ".data.old.k1ll3d/was"):
        (root / name / "interactions").mkdir(parents=True)
        (root / name / "interactions" / "day1.csv").write_text("who,what\nann@example.org,milk\n")
    (root / ".data.dvc.tmp").write_text("a pin that was being written names nobody")


def test_copies_left_by_killed_runs_go_and_nothing_else_does(tmp_path):
    left_behind(tmp_path)
    with replacing(tmp_path / "data") as fresh:
        (fresh / "day1.csv").write_text("who,what\n")
    traces = find_leftovers(tmp_path)
    assert [trace.place for trace in traces] == [".data.k1ll3d/", ".data.old.k1ll3d/"]
    for trace in traces:
        trace.remove()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".data.dvc.tmp", "data"]


def test_without_data_a_copy_may_be_the_only_one(tmp_path):
    left_behind(tmp_path)
    with pytest.raises(DataError, match=r"data/ is gone, and a killed run left \.data\.k1ll3d, \.data\.old\.k1ll3d"):
        find_leftovers(tmp_path)
    assert (tmp_path / ".data.old.k1ll3d/was/interactions/day1.csv").is_file()
