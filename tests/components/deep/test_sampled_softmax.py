"""The loss of those drawn: the target counts once, and with everything drawn it is the softmax."""

from __future__ import annotations

import numpy as np
import pytest

N, ROWS = 50, np.array([0, 0, 1, 2], np.int32)
TARGETS = np.array([0, 3, 7, 7])


def losses(popularity: np.ndarray, drawn: int) -> tuple[np.ndarray, np.ndarray]:
    """float (4,): −log softmax over those drawn, and over the whole catalogue by numpy."""
    import tensorflow as tf

    from components.deep._catalogue_training import Negatives
    from components.deep._sampled_softmax import sampled_softmax

    draw = np.random.default_rng(0)
    logits = (2 * draw.normal(size=(3, N))).astype(np.float32)
    items, log_expected, own = Negatives(popularity, drawn, draw).draw(TARGETS)
    mine = logits[ROWS, TARGETS]
    sampled = sampled_softmax(mine, ROWS, tf.gather(logits, items, axis=1), log_expected, own).numpy()
    return sampled, np.log(np.exp(logits).sum(axis=1))[ROWS] - mine


@pytest.mark.slow
def test_with_everything_drawn_it_is_the_softmax_also_for_a_likely_target() -> None:
    sampled, full = losses(np.ones(N), 0)
    np.testing.assert_allclose(sampled, full, rtol=1e-5)


@pytest.mark.slow
def test_many_drawn_by_popularity_come_to_the_softmax() -> None:
    sampled, full = losses(np.arange(1, N + 1), 200_000)
    np.testing.assert_allclose(sampled, full, atol=0.05)


@pytest.mark.slow
def test_two_items_of_which_one_is_nine_times_as_likely() -> None:
    import tensorflow as tf

    from components.deep._catalogue_training import Negatives
    from components.deep._sampled_softmax import sampled_softmax

    logits = tf.constant([[np.log(9.0), 0.0]], tf.float32)
    items, log_expected, own = Negatives(np.ones(2), 0, np.random.default_rng(0)).draw(np.array([0]))
    [loss] = sampled_softmax(logits[:, 0], [0], tf.gather(logits, items, axis=1), log_expected, own).numpy()
    assert loss == pytest.approx(-np.log(0.9), rel=1e-5)
