"""A short form of every fault test, for CI; `make faults` runs the long ones and prints their figures."""

import pytest

from tests.faults import (
    bad_candidates,
    concurrent_promotions,
    mlflow_away,
    moved_in_ui,
    replay,
    rollback,
    swap_under_load,
)

pytestmark = pytest.mark.slow


def test_of_people_who_promote_at_once_one_wins_and_the_chain_holds():
    found = concurrent_promotions.main(rounds=5, people=4)
    assert found == {
        "attempts": 20, "won": 5, "lost": 0, "interleaved": 0, "broken links": 0, "alias away from history": 0
    }  # fmt: skip


def test_a_rollback_is_served_with_the_golden_answers_of_the_release_before():
    assert rollback.main(times=1)["golden answers that differ"] == 0


def test_an_alias_moved_in_mlflows_pages_is_served_and_written_down_as_somebodys_approval():
    assert moved_in_ui.main(times=1)["moves that the history does not hold"] == 0


def test_six_kinds_of_bad_candidate_are_refused_before_traffic():
    assert bad_candidates.main() == 6


def test_swaps_under_load_fail_no_request_and_mix_no_answer():
    found = swap_under_load.main(swaps=2, requests=300, rate=40)
    assert (found["failed requests"], found["answers of mixed parts"], found["releases that answered"]) == (0, 0, 2)


def test_a_service_restarted_without_mlflow_serves_from_its_verified_copy():
    found = mlflow_away.main(seconds=4)
    assert (found["failed requests"], found["said that the registry is away"]) == (0, 1)


def test_logged_answers_and_their_features_are_replayed_bit_for_bit():
    found = replay.main(requests=200)
    assert (found["answers replayed"], found["releases"], found["answers that differ"]) == (200, 2, 0)
    assert found["of them ranked from features"] > 100
    assert found["features that differ"] == 0
