"""What is drawn, how often, and that the logged probabilities are those of the draw."""

from collections import Counter

import numpy as np
import pytest

from components.core.config import parse
from components.core.errors import ConfigError
from components.ranking.exploration import ExplorationConfig, draw

K, POOL, NOTHING = 5, np.array([70, 71, 72]), np.zeros(0, dtype=int)
HALF = ExplorationConfig(share=0.5, first=2, last=4)


def test_by_default_nothing_is_drawn_and_all_is_certain():
    found = draw(ExplorationConfig(), "a request", K, NOTHING, POOL)
    assert (found.at, found.item, found.propensities.tolist()) == (None, None, [1.0] * K)


def test_the_same_request_draws_the_same_and_others_draw_otherwise():
    drawn = [draw(HALF, str(request), K, NOTHING, POOL) for request in range(200)]
    again = [draw(HALF, str(request), K, NOTHING, POOL) for request in range(200)]
    assert [(d.at, d.item) for d in drawn] == [(d.at, d.item) for d in again]
    assert len({(d.at, d.item) for d in drawn}) == 1 + 3 * len(POOL)


def test_the_logged_probabilities_are_those_of_what_is_shown():
    """10,000 requests: each (place, item) as often as its propensity says, within four standard errors."""
    requests, shown, said = 10_000, Counter(), {}
    for request in range(requests):
        found = draw(HALF, f"r{request}", K, np.array([2]), POOL)
        items = [100, 101, 102, 103, 104]
        if found.at is not None:
            items[found.at] = found.item
        for place, pair in enumerate(enumerate(items)):
            shown[pair] += 1
            assert said.setdefault(pair, found.propensities[place]) == found.propensities[place]
    assert {pair for pair in said if pair[1] < 100} == {(place, item) for place in (1, 3) for item in (70, 71, 72)}
    for pair, chance in said.items():
        error = 4 * np.sqrt(chance * (1 - chance) / requests)
        assert shown[pair] / requests == pytest.approx(chance, abs=error + 1e-12), pair
    for place in range(K):
        assert sum(chance for (at, _), chance in said.items() if at == place) == pytest.approx(1)


@pytest.mark.parametrize(
    ("k", "kept", "pool"), [(1, NOTHING, POOL), (K, np.arange(K), POOL), (K, NOTHING, NOTHING)],
    ids=["too short a list", "all places are pinned", "nobody is little known"],
)  # fmt: skip
def test_where_nothing_can_be_drawn_all_is_certain(k, kept, pool):
    for request in range(20):
        assert draw(HALF, str(request), k, kept, pool).propensities.tolist() == [1.0] * k


def test_a_share_of_more_than_half_and_places_that_end_before_they_begin_are_refused():
    with pytest.raises(ConfigError, match="share"):
        parse(ExplorationConfig, {"share": 0.6}, "params.yaml")
    with pytest.raises(ConfigError, match="first 5 is behind last 4"):
        parse(ExplorationConfig, {"first": 5, "last": 4}, "params.yaml")
