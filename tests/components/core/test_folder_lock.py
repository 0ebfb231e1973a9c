"""One at a time in a folder, be it by waiting or by being told."""

import threading

import pytest

from components.core.errors import DataError
from components.core.folder_lock import locked
from components.data.under_way import alone


def test_who_does_not_wait_is_told_and_has_it_once_it_is_given_back(tmp_path):
    with locked(tmp_path, wait=False) as ours, locked(tmp_path, wait=False) as theirs:
        assert (ours, theirs) == (True, False)
    with locked(tmp_path, wait=False) as ours:
        assert ours


def test_who_waits_goes_on_when_it_is_given_back(tmp_path):
    done = []

    def wait():
        with locked(tmp_path, wait=True) as ours:
            done.append(ours)

    with locked(tmp_path, wait=True):
        other = threading.Thread(target=wait)
        other.start()
        other.join(0.2)
        assert not done
    other.join(10)
    assert done == [True]


def test_of_two_runs_that_bring_files_in_the_second_is_refused_and_no_other_error_is_taken_for_that(tmp_path):
    with alone(tmp_path), pytest.raises(DataError, match="another run brings files in just now"), alone(tmp_path):
        pass
    with pytest.raises(BlockingIOError), alone(tmp_path):
        raise BlockingIOError
