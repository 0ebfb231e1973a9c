"""Whether a ranker gives way to one of its models, on figures seen by eye."""

import numpy as np
import pytest

from components.core.schema import RANKER
from components.evaluation.held_out import HeldOut
from components.evaluation.protocol import ALL, NEW

NOBODY = np.full(4, np.nan)


def of(**ndcg):
    return HeldOut({name: {ALL: np.array(values), NEW: NOBODY[: len(values)]} for name, values in ndcg.items()})


def test_a_ranker_that_loses_to_its_best_model_gives_way_to_it():
    found = of(**{RANKER: [0.1, 0.2, 0.1, 0.2], "ease": [0.5, 0.5, 0.6, 0.6], "popularity": [0.3, 0.3, 0.3, 0.3]})
    assert found.better_alone == "ease"
    assert found.words.startswith("-0.4000 ± ") and "ease, the best model alone" in found.words


def test_a_gain_that_may_be_chance_is_no_reason_for_the_ranker():
    assert of(**{RANKER: [0.9, 0.2, 0.9, 0.2], "ease": [0.1, 0.6, 0.1, 0.6]}).better_alone == "ease"
    assert of(**{RANKER: [1.0], "ease": [0.0]}).better_alone == "ease"


def test_a_clear_gain_is_one():
    assert of(**{RANKER: [0.5, 0.6, 0.5, 0.6], "ease": [0.1, 0.3, 0.1, 0.3]}).better_alone is None


def test_groups_of_users_tell_together():
    parts = [of(**{RANKER: [value], "ease": [0.0]}) for value in (0.2, 0.4)]
    assert HeldOut.joined(parts).of_user(RANKER) == pytest.approx([0.2, 0.4])


def test_both_views_matter_alike_and_a_user_counts_where_it_bought_something():
    values = {ALL: np.array([0.2, 0.4, np.nan]), NEW: np.array([0.6, np.nan, np.nan])}
    assert HeldOut({RANKER: values}).of_user(RANKER) == pytest.approx([0.4, 0.4, np.nan], nan_ok=True)
