"""`snapshot add` killed by SIGKILL at a known place: the same command completes it, and nothing is lost or twice."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from components.core import layout
from components.core.errors import DataError
from components.data import under_way
from components.data.arrivals import add
from components.data.pin import check_pin, read_pin, write_pin
from components.data.source import SourceChoice
from components.forgetting.forget import find
from components.forgetting.person import Person

HEADER = "user,item,when\n"
# Python tells an audit hook of every rename before it happens: the child dies there, and nothing of ours is replaced.
CHILD = """
import os, signal, sys
from pathlib import Path
from components.data.arrivals import add
from tests.data.test_killed_arrivals import source

def die(event, args):
    if event == "os.rename" and os.fspath(args[1]).endswith(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(die)
add(Path("."), source(), "interactions", [Path("in/day2.csv"), Path("in/day3.csv")])
"""


def source():
    table = {"files": "in/*.csv", "columns": {"user_id": "user", "item_id": "item", "timestamp": "when"}}
    return SourceChoice(component="tables", params={"interactions": table}, pseudonymise=False).open()


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "data/interactions").mkdir(parents=True)
    (tmp_path / "in").mkdir()
    (tmp_path / "data/interactions/day1.csv").write_text(HEADER + "u1,a,2024-01-01\n")
    (tmp_path / "in/day2.csv").write_text(HEADER + "u2,b,2024-01-01\n")
    (tmp_path / "in/day3.csv").write_text(HEADER + "u3,c,2024-01-01\nu3,c,2024-01-01\n")
    write_pin(tmp_path / layout.DATA, tmp_path / layout.DATA_PIN)
    return tmp_path


def killed_at(shop, name):
    """Run `add` in a child that is killed when something is about to be renamed to `name`."""
    project = Path(__file__).parents[2]
    child = subprocess.run(
        [sys.executable, "-c", CHILD, name], cwd=shop, env={"PYTHONPATH": str(project)}, check=False, timeout=60
    )
    assert child.returncode == -signal.SIGKILL


def again(shop):
    return add(shop, source(), "interactions", [shop / "in/day2.csv", shop / "in/day3.csv"])


def is_whole(shop):
    _, pinned = read_pin(shop / layout.DATA_PIN)
    assert list(pinned) == ["interactions/day1.csv", "interactions/day2.csv", "interactions/day3.csv"]
    assert (shop / "data/interactions/day3.csv").read_text() == HEADER + "u3,c,2024-01-01\nu3,c,2024-01-01\n"
    return not (shop / layout.ARRIVALS).exists()


def test_killed_between_move_and_pin_the_same_command_completes_it(shop):
    killed_at(shop, "data.dvc")
    assert (shop / "data/interactions/day3.csv").is_file()
    with pytest.raises(DataError, match=r"not expected: interactions/day2\.csv, interactions/day3\.csv"):
        check_pin(shop)
    with pytest.raises(DataError, match="killed and left copies"):
        find(shop, source(), Person("u2", frozenset({"u2"}), frozenset({"user_id"})), shop / layout.STATE)
    digest, came = again(shop)
    assert digest == check_pin(shop)
    assert [(a.name, a.rows, a.repeated) for a in came] == [
        ("interactions/day2.csv", 1, 0),
        ("interactions/day3.csv", 2, 1),
    ]
    assert is_whole(shop)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["note.json", "data/interactions/day2.csv", "data/interactions/day3.csv"])
def test_killed_before_or_between_the_moves_the_same_command_completes_it(shop, place):
    killed_at(shop, place)
    _, came = again(shop)
    assert [a.name for a in came] == ["interactions/day2.csv", "interactions/day3.csv"]
    assert is_whole(shop)


def noted(shop):
    """The state after the note and before the first move."""
    copy = shop / layout.ARRIVALS / "data/interactions/day2.csv"
    copy.parent.mkdir(parents=True)
    copy.write_text(HEADER + "u2,b,2024-01-01\n")
    under_way.note(shop, {"interactions/day2.csv": {"rows": 1, "rejected": 0, "repeated": 0}})
    return copy


def test_bytes_that_crept_in_meanwhile_are_not_pinned_along(shop):
    noted(shop)
    (shop / "data/interactions/stray.csv").write_text("x")
    with pytest.raises(DataError, match=r"cannot be completed: interactions/stray\.csv"):
        under_way.complete(shop)
    assert not (shop / "data/interactions/day2.csv").exists()
    (shop / "data/interactions/stray.csv").unlink()
    assert list(under_way.complete(shop)) == ["interactions/day2.csv"]
    assert check_pin(shop)


def test_a_file_of_that_name_with_other_bytes_is_not_overwritten(shop):
    noted(shop)
    (shop / "data/interactions/day2.csv").write_text("somebody's")
    with pytest.raises(DataError, match=r"cannot be completed: interactions/day2\.csv"):
        under_way.complete(shop)
    assert (shop / "data/interactions/day2.csv").read_text() == "somebody's"


def test_two_runs_at_once_are_refused(shop):
    with under_way.alone(shop), pytest.raises(DataError, match="another run"), under_way.alone(shop):
        pass
