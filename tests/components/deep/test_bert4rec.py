"""BERT4Rec: numpy equals Keras, what is masked is not seen, two views of one history are told from others."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from components.deep._sequences import last_windows
from components.deep.bert4rec import Bert4Rec, Bert4RecConfig
from tests.components.deep.weekly_shop import weekly_shop

TINY = {"embedding_size": 8, "max_length": 6, "epochs": 2, "negatives": 12, "batch_size": 16, "learning_rate": 0.01}


shop = partial(weekly_shop, n_users=30, n_items=20, most_baskets=8, most_items=3)


def test_heads_must_divide_the_embedding() -> None:
    with pytest.raises(ValueError, match="heads 3 must divide embedding_size 8"):
        Bert4RecConfig(embedding_size=8, heads=3)


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [1, 2])
def test_bert4rec_in_numpy_equals_its_keras_graph(blocks: int) -> None:
    import tensorflow as tf

    from components.deep._bert4rec_training import Bert4RecTrainer

    data, draw = shop(), np.random.default_rng(1)
    model = Bert4Rec(Bert4RecConfig(**TINY, blocks=blocks))
    model.items = data.items
    network = Bert4RecTrainer(data.histories, len(data.items), model.config, np.random.default_rng(0)).network
    for variable in network.variables:
        variable.assign(draw.normal(scale=0.5, size=variable.shape))
    model.restore(network.weights())
    windows = last_windows(data.histories, 5)
    sizes = np.pad(windows.sizes, ((0, 0), (0, 1)))
    slots = windows.slots + windows.slots // windows.sizes.shape[1]  # every window has one slot more
    masked = np.zeros_like(sizes)
    masked[:, -1] = 1
    states = network.states(tuple(map(tf.constant, (windows.items, slots, sizes, masked))), training=False)[:, -1]
    queries, items = network.products(states)
    expected = (tf.matmul(queries, items, transpose_b=True) + network.biases.value).numpy()
    np.testing.assert_allclose(model.logits(data.histories), expected, atol=2e-3)


@pytest.mark.slow
def test_what_is_masked_is_a_target_and_is_not_seen() -> None:
    from components.deep._bert4rec_training import Bert4RecTrainer

    config = Bert4RecConfig(**TINY, mask_share=0.5)
    trainer = Bert4RecTrainer(shop().histories, 20, config, np.random.default_rng(0))
    for batch in trainer._batches():
        _, seen_slots, sizes, masked = batch[:4]
        slots, query, items = batch[8:11]
        assert not set(seen_slots.tolist()) & set(slots.tolist())
        assert np.flatnonzero(masked).tolist() == slots.tolist() and (masked.sum(axis=1) >= 1).all()
        assert (sizes[masked > 0] == 0).all() and len(query) == len(items) and set(query) == set(range(len(slots)))


@pytest.mark.slow
def test_a_window_s_whole_state_leaves_padding_out() -> None:
    from components.deep._bert4rec_training import _whole

    states = np.array([[[9, 9], [1, 2], [3, 4]]], dtype=np.float32)
    sizes, masked = np.array([[0, 2, 0]], np.float32), np.array([[0, 0, 1]], np.float32)
    assert _whole(states, (None, None, sizes, masked)).numpy().tolist() == [[4, 6]]


@pytest.mark.slow
def test_with_contrast_it_trains_to_finite_scores() -> None:
    model = Bert4Rec(Bert4RecConfig(**TINY, contrast=0.1)).fit(shop(), np.random.default_rng(0))
    assert np.isfinite(model.score(shop().histories)).all() and len(model.curves()["train_loss"]) == 2
