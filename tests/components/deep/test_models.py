"""The trained models: numpy equals Keras, TensorFlow stays out of scoring, the epoch is chosen on later time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from components.core.dataset import Dataset, Histories
from components.core.errors import DataError
from components.core.model import Model
from components.deep._later import NOTHING_LATER
from components.deep.gru4rec import Gru4Rec, Gru4RecConfig
from components.deep.sasrec import SasRec, SasRecConfig
from tests.components.deep.weekly_shop import NOW
from tests.components.deep.weekly_shop import weekly_shop as shop

ROOT = Path(__file__).parents[3]
TINY = {"embedding_size": 8, "max_length": 6, "epochs": 3, "queries": 64, "negatives": 20, "learning_rate": 0.01}
COSINE = {"temperature": 0.1, "schedule": "cosine", "validation": "last_baskets"}
MODELS = [
    pytest.param(Gru4Rec(Gru4RecConfig(**TINY)), id="gru4rec"),
    pytest.param(Gru4Rec(Gru4RecConfig(**TINY, cell="lstm")), id="gru4rec, lstm"),
    pytest.param(Gru4Rec(Gru4RecConfig(**TINY, cell="rnn")), id="gru4rec, rnn"),
    pytest.param(SasRec(SasRecConfig(**TINY, blocks=1)), id="sasrec, one block"),
    pytest.param(SasRec(SasRecConfig(**TINY, blocks=2)), id="sasrec, two blocks"),
    pytest.param(
        SasRec(SasRecConfig(**TINY, temperature=0.1, schedule="cosine", validation="last_baskets")), id="sasrec, cosine"
    ),
]


def test_heads_must_divide_the_embedding() -> None:
    with pytest.raises(ValueError, match="heads 3 must divide embedding_size 8"):
        SasRecConfig(embedding_size=8, heads=3)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_the_numpy_forward_pass_equals_the_keras_graph(model: Model) -> None:
    import keras

    data = shop()
    model.fit(data, np.random.default_rng(0))
    length, size = model.config.max_length, model.config.embedding_size
    graph = model.encoder(model.config, np.random.default_rng(1))
    for variable in graph.trainable_variables:
        # Far from the small values of a short training, so that no term of the sum can hide.
        model.weights[variable.path.replace("/", ".")] = value = (
            np.random.default_rng(2).normal(scale=0.5, size=variable.shape).astype(np.float32)
        )
        variable.assign(value)
    draw = np.random.default_rng(3)
    vectors = draw.normal(size=(5, length, size)).astype(np.float32)
    mask = np.arange(length) >= np.array([0, 1, 3, 5, 2])[:, None]
    vectors *= mask[..., None]
    expected = keras.ops.convert_to_numpy(graph([vectors, mask], training=False))[:, -1]
    np.testing.assert_allclose(model.encode(vectors, mask), expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_logits_equal_those_of_the_network_that_was_trained(model: Model) -> None:
    import tensorflow as tf

    from components.core.baskets import baskets_of
    from components.deep._network import Network, tensors
    from components.deep._sequences import windows_of

    data = shop()
    model.fit(data, np.random.default_rng(0))
    graph = model.encoder(model.config, np.random.default_rng(1))
    vectors, biases = model.weights["item_embeddings"], model.weights["item_biases"]
    network = Network(graph, vectors, np.exp(biases), model.config.temperature)
    for variable in graph.trainable_variables:
        variable.assign(model.weights[variable.path.replace("/", ".")])
    baskets, length, n = baskets_of(data.histories), model.config.max_length, len(data.users)
    windows = windows_of(baskets, np.arange(n), baskets.row_start[1:], length)
    states = tf.gather(network.states(tensors(windows), training=False), np.arange(1, n + 1) * length - 1)
    expected = network.all_logits(network.queries(states)).numpy()
    np.testing.assert_allclose(model.logits(data.histories), expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_a_later_basket_does_not_change_what_is_known_after_an_earlier_one(model: Model) -> None:
    import keras

    length, size = model.config.max_length, model.config.embedding_size
    graph = model.encoder(model.config, np.random.default_rng(1))
    vectors = np.random.default_rng(3).normal(size=(1, length, size)).astype(np.float32)
    other = vectors.copy()
    other[:, 4:] *= -1
    mask = np.ones((1, length), dtype=bool)
    before, after = (keras.ops.convert_to_numpy(graph([x, mask], training=False)) for x in (vectors, other))
    np.testing.assert_allclose(before[:, :4], after[:, :4], atol=1e-6)
    assert np.abs(before[:, 4:] - after[:, 4:]).max() > 1e-3


@pytest.mark.slow
def test_the_validation_events_do_not_train_and_the_best_epoch_is_kept() -> None:
    from components.deep import _training

    data = shop()
    config = Gru4RecConfig(**TINY | {"epochs": 6, "learning_rate": 0.3}, patience=2, trend_lines=1e9)
    trained = _training.train(Gru4Rec.encoder, data.histories, len(data.items), config, np.random.default_rng(0))
    assert len(trained.train_loss) == len(trained.validation_loss) <= 6
    best = int(np.argmin(trained.validation_loss))
    assert best >= len(trained.validation_loss) - 1 - config.patience
    assert all(0 < gain <= 1 for gain in trained.validation_gain)

    # Other items bought in the validation window: another validation loss, the same training.
    cutoff = np.quantile(data.histories.times, 1 - config.validation_share)
    changed = np.where(data.histories.times >= cutoff, 0, data.histories.items).astype(np.int32)
    h = data.histories
    later = Histories(h.indptr, changed, h.times, h.now, h.users)
    again = _training.train(Gru4Rec.encoder, later, len(data.items), config, np.random.default_rng(0))
    assert again.train_loss[0] == pytest.approx(trained.train_loss[0], rel=1e-6)
    assert again.validation_loss[0] != pytest.approx(trained.validation_loss[0], rel=1e-3)


@pytest.mark.slow
def test_the_epoch_may_be_chosen_by_the_places_of_what_was_bought_anew() -> None:
    """The gain of the weights that are kept, reckoned by the model in numpy, is the best of its curve."""
    from components.deep._later import later_of, mean_gain

    data = shop()
    options = TINY | {"epochs": 6, "learning_rate": 0.1, "temperature": 0.1, "best_by": "gain", "trend_days": None}
    model = SasRec(SasRecConfig(**options)).fit(data, np.random.default_rng(0))
    later = later_of(data.histories, "later", model.config.validation_share, np.random.default_rng(0))
    gains = model.curves()["validation_gain"]
    assert mean_gain(model.logits, later) == pytest.approx(max(gains), abs=1e-3) and min(gains) < max(gains)
    assert len(gains) == len(model.curves()["validation_loss"])


@pytest.mark.slow
def test_all_events_train_where_the_last_epoch_is_taken() -> None:
    data = shop()
    model = SasRec(SasRecConfig(**TINY, best_by="last")).fit(data, np.random.default_rng(0))
    assert list(model.curves()) == ["train_loss"] and len(model.curves()["train_loss"]) == TINY["epochs"]


@pytest.mark.slow
def test_a_target_that_is_also_drawn_is_taken_out_of_those_drawn() -> None:
    from components.deep._training import _negatives

    expected = np.log(np.array([0.5, 0.5, 2.0]))
    drawn, of_drawn, own = (x.numpy() for x in _negatives(np.array([0, 2, 0]), expected, np.array([0, 1])))
    logits = np.array([1.0, 0.3, -0.5])
    whole = np.exp(logits[drawn] - of_drawn).sum()
    without = np.log(whole) + np.log1p(-np.exp(logits[[0, 1]] + own - np.log(whole)))
    assert without == pytest.approx([np.log(np.exp(-0.5) / 2), np.log(whole)], abs=1e-5)


@pytest.mark.slow
def test_the_time_limit_stops_training_after_the_first_step() -> None:
    model = Gru4Rec(Gru4RecConfig(**TINY, max_minutes=1e-6)).fit(shop(), np.random.default_rng(0))
    assert len(model.curves()["train_loss"]) == 1
    [remark] = model.remarks()
    assert "the clock stopped the training in epoch 1 of 3" in remark and "raise max_minutes (1e-06)" in remark
    assert np.isfinite(model.score(shop().histories)).all()


@pytest.mark.slow
def test_epochs_and_patience_end_a_training_without_a_remark() -> None:
    assert Gru4Rec(Gru4RecConfig(**TINY)).fit(shop(), np.random.default_rng(0)).remarks() == []


@pytest.mark.slow
def test_histories_of_one_basket_are_refused_in_words() -> None:
    data = Dataset.from_events(np.array(["a", "b", "b"]), np.array(["x", "x", "y"]), np.array([1, 2, 2]), NOW)
    with pytest.raises(DataError, match="none of 2 histories has two baskets"):
        Gru4Rec().fit(data, np.random.default_rng(0))


@pytest.mark.slow
@pytest.mark.parametrize("items", ["abc", "aaa"])
def test_three_events_of_one_user_train_to_finite_scores(tmp_path: Path, items: str) -> None:
    data = Dataset.from_events(np.array(list("uuu")), np.array(list(items)), np.array([100, 200, 300]), NOW)
    model = Gru4Rec(Gru4RecConfig(**TINY)).fit(data, np.random.default_rng(0))
    model.save(tmp_path / "model")
    assert np.isfinite(model.score(data.histories)).all()


@pytest.mark.slow
@pytest.mark.parametrize("validation", ["later", "last_baskets"])
def test_where_nothing_can_be_kept_back_all_epochs_are_run_and_that_is_told(validation: str) -> None:
    data = Dataset.from_events(np.array(list("uuv")), np.array(list("abc")), np.array([100, 200, 300]), NOW)
    model = Gru4Rec(Gru4RecConfig(**TINY | {"validation": validation})).fit(data, np.random.default_rng(0))
    assert model.remarks() == [f"gru4rec: {NOTHING_LATER}"]
    assert list(model.curves()) == ["train_loss"] and len(model.curves()["train_loss"]) == TINY["epochs"]
    assert model.score(data.histories)[0].argmax() == 1, "u bought a, then b"


@pytest.mark.slow
def test_a_training_that_diverges_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    from components.deep import _training

    monkeypatch.setattr(_training, "popularity_of", lambda histories, n_items: np.full(n_items, np.nan, np.float32))
    monkeypatch.setattr(_training, "NEGATIVE_POWER", 0.0)
    with pytest.raises(DataError, match=r"in epoch 1 the training loss is nan.*; lower learning_rate"):
        Gru4Rec(Gru4RecConfig(**TINY)).fit(shop(), np.random.default_rng(0))


@pytest.mark.slow
def test_scoring_a_saved_model_imports_no_tensorflow(tmp_path: Path) -> None:
    Gru4Rec(Gru4RecConfig(**TINY)).fit(shop(), np.random.default_rng(0)).save(tmp_path / "model")
    script = (
        "import sys; from components.core.model import load; from components.core.dataset import Histories\n"
        f"print(load({str(tmp_path / 'model')!r}).score(Histories.of([[1, 2]], [[1, 2]], 9)).shape)\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules"
    )
    answer = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "(1, 30)"
