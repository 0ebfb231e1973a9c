"""Models that score the whole catalogue: numpy equals Keras, the best epoch is kept, the clock is minded."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from components.core.config import parse
from components.core.dataset import DAY_S, Dataset, Histories
from components.core.errors import ConfigError, DataError
from components.deep._later import NOTHING_LATER, later_of, mean_gain
from components.deep.deep_fm import DeepFmConfig
from components.deep.gru4rec import Gru4Rec, Gru4RecConfig
from components.deep.multi_vae import MultiVae, MultiVaeConfig
from components.deep.neumf import NeuMfConfig
from components.deep.two_tower import TwoTowerConfig
from tests.components.deep.weekly_shop import NOW, weekly_shop

TINY = {"embedding_size": 6, "epochs": 3, "negatives": 20, "batch_size": 16, "learning_rate": 0.01}


shop = partial(weekly_shop, most_baskets=6)


def days(*sequences: list[int]) -> Histories:
    """One item a day, the last one yesterday."""
    times = [[NOW - (len(s) - at) * DAY_S for at in range(len(s))] for s in sequences]
    return Histories.of(list(sequences), times, NOW)


def test_by_time_the_last_events_of_all_are_kept_back() -> None:
    histories = days([0, 1, 2], [3], [4, 5])
    later = later_of(histories, "later", 0.5, np.random.default_rng(0))
    assert later.past.items.tolist() == [0, 1, 4]
    assert later.asked.items.tolist() == [0, 1, 4], "the user of one event has no past to be asked with"
    assert (later.rows.tolist(), later.items.tolist()) == ([0, 1], [2, 5])


def test_by_last_a_share_of_the_users_give_their_last_basket() -> None:
    histories = days([0, 1, 2], [3], [4, 5], [6, 7], [8, 9])
    later = later_of(histories, "last_baskets", 0.5, np.random.default_rng(0))
    assert len(later.items) == 2 and set(later.items.tolist()) <= {2, 5, 7, 9}
    assert len(later.past.items) == len(histories.items) - 2


def test_repeats_are_foretold_only_where_nobody_bought_anything_new() -> None:
    new = later_of(days([0, 1, 2], [3, 4, 3]), "later", 0.3, np.random.default_rng(0))
    assert new.new_only and new.items.tolist() == [2]
    repeats = later_of(days([0, 1, 0], [3, 4, 3]), "later", 0.3, np.random.default_rng(0))
    assert not repeats.new_only and repeats.items.tolist() == [0, 3]


def test_the_gain_is_one_for_a_first_place_and_seen_items_do_not_stand_in_the_way() -> None:
    later = later_of(days([0, 1, 2]), "later", 0.3, np.random.default_rng(0))

    def logits(histories: Histories) -> np.ndarray:
        return np.tile(np.array([9, 8, 7, 1], dtype=np.float32), (len(histories), 1))

    assert mean_gain(logits, later) == pytest.approx(1.0)
    assert mean_gain(lambda h: 0 * logits(h), later) == pytest.approx(1 / np.log2(2.5)), "two items tie: rank 1.5"


@pytest.mark.slow
def test_multi_vae_in_numpy_equals_its_keras_graph() -> None:
    import tensorflow as tf

    from components.deep._multi_vae_training import MultiVaeNetwork

    data, n_items = shop(), 30
    config = MultiVaeConfig(**TINY, hidden_size=8)
    draw = np.random.default_rng(2)
    start = draw.normal(size=(n_items, 8)).astype(np.float32)
    network = MultiVaeNetwork(config, start, np.full(n_items, 1 / n_items, np.float32), draw)
    for variable in network.variables:
        variable.assign(draw.normal(scale=0.5, size=variable.shape).astype(np.float32))
    held = data.histories.matrix(n_items, binary=True)
    lines, counts = tf.constant(held.indices), np.diff(held.indptr)
    users = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    mean, _ = network.code(lines, users, tf.constant(counts, tf.float32), tf.ones(len(users)))
    expected, _ = network.logits(mean, tf.range(n_items))
    model = MultiVae(config)
    model.items = data.items
    model.restore(network.weights())
    np.testing.assert_allclose(model.logits(data.histories), expected.numpy(), atol=1e-4)


@pytest.mark.slow
def test_the_best_epoch_is_kept_and_patience_ends_the_training() -> None:
    model = MultiVae(MultiVaeConfig(**TINY | {"epochs": 8, "learning_rate": 0.2}, hidden_size=8, patience=1))
    model.fit(shop(), np.random.default_rng(0))
    gains = model.curves()["validation_gain"]
    later = later_of(shop().histories, "later", 0.05, np.random.default_rng(0).spawn(3)[0])
    assert len(gains) - 1 - int(np.argmax(gains)) <= 1
    assert mean_gain(model.logits, later) == pytest.approx(max(gains), rel=1e-5)


@pytest.mark.slow
def test_with_refit_the_later_events_are_learned_from_too() -> None:
    # Item 4 is bought only in the validation window: without a refit it is as good as never bought.
    data = shop()
    h = data.histories
    cutoff = np.quantile(h.times, 0.95)
    items = np.where(h.times >= cutoff, 4, np.where(h.items == 4, 5, h.items)).astype(np.int32)
    data = Dataset(data.users, data.items, Histories(h.indptr, items, h.times, h.now, h.users))
    plain, refit = (
        MultiVae(MultiVaeConfig(**TINY, hidden_size=8, refit=refit)).fit(data, np.random.default_rng(0))
        for refit in (False, True)
    )
    assert refit.score(h)[:, 4].mean() > 2 * plain.score(h)[:, 4].mean()
    assert refit.remarks() == []


@pytest.mark.slow
def test_the_clock_stops_the_training_after_one_step_and_says_so() -> None:
    model = MultiVae(MultiVaeConfig(**TINY, hidden_size=8, max_minutes=1e-6)).fit(shop(), np.random.default_rng(0))
    [remark] = model.remarks()
    assert "the clock stopped the training in epoch 1 of 3" in remark and "raise max_minutes (1e-06)" in remark
    assert np.isfinite(model.score(shop().histories)).all()


@pytest.mark.slow
def test_one_basket_each_is_trained_on_without_validation_and_says_so() -> None:
    events = np.array(list("uuvv")), np.array(list("abbc")), np.array([5, 5, 6, 6])
    model = MultiVae(MultiVaeConfig(**TINY, hidden_size=8)).fit(
        Dataset.from_events(*events, 9), np.random.default_rng(0)
    )
    assert model.remarks() == [f"multi_vae: {NOTHING_LATER}"]


@pytest.mark.slow
def test_no_event_at_all_is_refused_in_words() -> None:
    data = Dataset.from_events(np.array(["u"]), np.array(["a"]), np.array([5]), 9)
    empty = Dataset(data.users, data.items, data.histories.keep(np.zeros(1, dtype=bool)))
    with pytest.raises(DataError, match="no user has baskets at two moments"):
        MultiVae(MultiVaeConfig(**TINY, hidden_size=8)).fit(empty, np.random.default_rng(0))


def test_a_sequence_network_foretells_more_memory_where_baskets_are_large() -> None:
    """8,192 queries · 8 baskets · 10 lines of 256 numbers are 0.67 GB, three times over."""
    options = {"embedding_size": 256, "batch_size": 128, "queries": 8192, "negatives": 256, "best_by": "last"}
    foretold = {}
    for lines in (1, 10):
        rows = [(u, n, day) for u in range(4) for day in range(64) for n in range(lines)]
        user, item, day = np.array(rows).T
        data = Dataset.from_events(user.astype(str), item.astype(str), day * DAY_S, 99 * DAY_S)
        foretold[lines] = sum(part.bytes for part in Gru4Rec(Gru4RecConfig(**options)).memory(data))
    assert foretold[10] - foretold[1] == pytest.approx(3 * 9 * 8192 * 8 * 256 * 4, rel=0.05)


@pytest.mark.parametrize(
    ("config", "options", "words"),
    [
        (TwoTowerConfig, {"content": "ignore", "text": "mean"}, "text must be none where content is ignore"),
        (TwoTowerConfig, {"basket_decays": [-0.5]}, "basket_decays"),
        (TwoTowerConfig, {"basket_decays": [1000]}, "basket_decays"),
        (DeepFmConfig, {"hidden_sizes": [-1, 16]}, "hidden_sizes"),
        (NeuMfConfig, {"hidden_sizes": [0, 16]}, "hidden_sizes"),
        (Gru4RecConfig, {"contrast_epochs": 1, "batch_size": 1}, "batch_size must be 2 or more"),
    ],
)
def test_options_that_no_network_can_have_are_refused_by_name(config, options, words) -> None:
    with pytest.raises(ConfigError, match=words):
        parse(config, options, "params.yaml: models.m.params")
