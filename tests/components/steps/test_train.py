"""The train step: one bundle per fold, curves where there are any, errors that name the section."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.cf.household import Household
from components.core import bundle, layout, schema
from components.core.dataset import Dataset
from components.core.errors import ConfigError, DataError
from components.core.model import load
from components.core.vocabulary import Vocabulary
from components.features import content
from components.ranking.context import VECTORS
from components.splits import store
from components.steps.train import TrainConfig, train


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project folder whose two folds are split: the test fold knows one more item."""
    for fold, items in zip(layout.FOLDS, (["a", "b", "a"], ["a", "b", "c"]), strict=True):
        data = Dataset.from_events(np.array(["u", "u", "v"]), np.array(items), np.array([1, 2, 3]), 10)
        store.save_dataset(tmp_path / layout.SPLIT / fold / store.DATASET, data)
    return tmp_path


def test_one_verified_bundle_per_fold_each_with_its_own_catalogue(root: Path) -> None:
    result = train(TrainConfig(name="recent", component="household", params={"half_life_days": 7}), root, seed=1)
    models = [load(root / layout.MODELS / "recent" / fold) for fold in layout.FOLDS]
    assert [m.items.ids.tolist() for m in models] == [["a", "b"], ["a", "b", "c"]]
    assert {m.config.half_life_days for m in models} == {7}
    assert {"validation_fit_seconds", "test_fit_seconds", "megabytes"} == set(result.metrics)
    assert result.curves == {} and result.artifacts == ()


def test_the_bundle_says_which_data_made_it(root: Path) -> None:
    train(TrainConfig(name="popularity", component="popularity"), root, seed=1)
    provenance = bundle.verify(root / layout.MODELS / "popularity" / layout.TEST_FOLD)
    dataset = root / layout.SPLIT / layout.TEST_FOLD / store.DATASET
    assert provenance == {"name": "popularity", "fold": "test", "seed": 1, "dataset_digest": bundle.digest(dataset)}


def test_same_seed_same_bundle(root: Path) -> None:
    config = TrainConfig(name="als", component="als", params={"embedding_size": 2})
    folder = root / layout.MODELS / "als" / layout.TEST_FOLD
    digests = [train(config, root, seed) and bundle.digest(folder) for seed in (1, 1, 2)]
    assert digests[0] == digests[1] != digests[2]


def test_what_a_model_remarks_on_its_fit_reaches_the_log_the_summary_and_the_tags(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Household, "remarks", lambda self: ["the clock stopped it"])
    result = train(TrainConfig(name="recent", component="household"), root, seed=1)
    assert result.tags["validation_remarks"] == result.tags["test_remarks"] == "the clock stopped it"
    assert "the clock stopped it" in result.summary and "the clock stopped it" in caplog.text


def test_an_unknown_parameter_is_refused_by_its_section(root: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"params.yaml: models.near.params: unknown parameter 'neighbors'; did you mean"
    ):
        train(TrainConfig(name="near", component="item_knn", params={"neighbors": 5}), root, seed=1)
    assert not (root / layout.MODELS / "near").exists()


def test_an_unknown_component_is_refused(root: Path) -> None:
    with pytest.raises(ConfigError, match="unknown model 'nearest'; known: als, "):
        train(TrainConfig(name="near", component="nearest"), root, seed=1)


@pytest.mark.slow
def test_curves_are_returned_and_drawn(root: Path) -> None:
    user, day = np.divmod(np.arange(80), 10)
    for fold in layout.FOLDS:
        data = Dataset.from_events(user.astype(np.str_), (day % 4).astype(np.str_), day, 10)
        store.save_dataset(root / layout.SPLIT / fold / store.DATASET, data)
    tiny = {"embedding_size": 2, "max_length": 4, "epochs": 2, "negatives": 2}
    result = train(TrainConfig(name="gru4rec", component="gru4rec", params=tiny), root, seed=1)
    assert set(result.curves) == {
        f"{f}_{c}" for f in layout.FOLDS for c in ("train_loss", "validation_loss", "validation_gain")
    }
    assert result.artifacts[0].read_bytes().startswith(b"\x89PNG")


def tell_brands(root: Path) -> None:
    """What the items of both folds are: all of one brand."""
    for fold, items in zip(layout.FOLDS, (["a", "b"], ["a", "b", "c"]), strict=True):
        catalogue = Vocabulary.fit(items)
        columns = {schema.ITEM_ID: items, schema.BRAND: ["Ours"] * len(items)}
        given = content.content_of(columns, catalogue, content.ContentConfig())
        content.save(root / layout.FEATURES / fold / content.FOLDER, given, catalogue)
        vectors = {VECTORS: np.ones((len(items), 2), dtype=np.float32)}
        bundle.write(root / layout.REDUCED / fold, {}, arrays=vectors, vocabularies={"items": catalogue})


@pytest.mark.slow
def test_a_model_that_uses_content_is_told_what_the_folds_items_are(root: Path) -> None:
    tell_brands(root)
    train(TrainConfig(name="towers", component="two_tower", params={"content": "require", "epochs": 1}), root, seed=1)
    model = load(root / layout.MODELS / "towers" / layout.TEST_FOLD)
    assert model.weights["attribute_embeddings"].shape == (1, 64), "one brand"


@pytest.mark.slow
def test_each_fold_starts_from_another_model_of_that_fold_also_where_all_folds_end_at_one_time(root: Path) -> None:
    tell_brands(root)
    train(TrainConfig(name="whole", component="two_tower", params={"epochs": 1}), root, seed=1)
    whole = root / layout.MODELS / "whole"
    begun = {"epochs": 1, "targets": {"brand": ["Ours"]}}
    train(TrainConfig(name="part", component="two_tower", params=begun | {"start_from": str(whole)}), root, seed=1)
    of_test = TrainConfig(name="leak", component="two_tower", params=begun | {"start_from": str(whole / "test")})
    with pytest.raises(DataError, match="events that the validation fold must not know"):
        train(of_test, root, seed=1)
    assert (root / layout.MODELS / "part" / "validation").is_dir() and not (root / layout.MODELS / "leak").exists()
