"""Nothing that is fitted knows the target: take the future away, and every feature, vector and model stays as it was.

The detector is tried on planted leaks first: a step that reads the target, or all of clean, must not get past it.
"""

import shutil
from datetime import UTC, datetime

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from components.core import bundle, layout
from components.core import schema as s
from components.features.normalization import FOLDER, Normalizer
from components.splits import store
from components.steps.featurize import FeaturizeConfig, featurize
from components.steps.reduce import ReduceConfig, reduce
from components.steps.train import TrainConfig, train

pytestmark = pytest.mark.slow

FOLDS = layout.FOLDS
NORMALIZED = FeaturizeConfig(normalize={"price": "z_score", "purchases": "quantile", "user_spend": "robust"})


def without_the_future(root, fold, where):
    """A copy of the project in which nothing of the fold's cut-off or later is to be found: not in clean, not in the
    later fold, not in the target; what belongs to the fold's history stays byte for byte."""
    shutil.copytree(root, where)
    now = store.load_dataset(where / layout.SPLIT / fold / store.DATASET).now
    cutoff = datetime.fromtimestamp(now, UTC).replace(tzinfo=None)
    files = [where / layout.CLEAN / "interactions.parquet"]
    files += [where / layout.SPLIT / name / part for name in FOLDS for part in (store.HISTORY, store.TARGET)]
    for file in files:
        table = pq.read_table(file)
        if file.parent.name != fold or file.name == store.TARGET:
            pq.write_table(table.filter(pc.less(table[s.TIMESTAMP], cutoff)), file)
    return where


def moved_by_the_future(step, root, fold, scratch):
    """Files of the fold that `step` writes otherwise where there is no future; names below artifacts/."""
    found = []
    for name, project in (("as_it_is", root), ("without", None)):
        copy = scratch / name
        if project is None:
            without_the_future(root, fold, copy)
        else:
            shutil.copytree(project, copy)
        found.append({str(p.relative_to(copy)): bundle.sha256(p) for p in step(copy) if p.is_file()})
    return sorted(name for name in found[0] if found[0][name] != found[1].get(name))


def fit(fold):
    """All fitting steps on the project; the files of one fold that they wrote."""

    def run(root):
        featurize(NORMALIZED, root, 1)
        reduce(ReduceConfig(params={"embedding_size": 4}), root, 1)
        for name in ("popularity", "item_knn"):
            train(TrainConfig(name=name, component=name), root, 1)
        folders = [layout.FEATURES / fold, layout.REDUCED / fold]
        folders += [layout.MODELS / name / fold for name in ("popularity", "item_knn")]
        return [path for folder in folders for path in (root / folder).rglob("*")]

    return run


@pytest.mark.parametrize("fold", FOLDS)
def test_features_normalisers_vectors_and_models_do_not_know_the_future(trained_shop, tmp_path, fold):
    assert moved_by_the_future(fit(fold), trained_shop, fold, tmp_path) == []


def leaky_featurize(root):
    """Reads all interactions where it should read the fold's history."""
    for fold in FOLDS:
        shutil.copyfile(root / layout.CLEAN / "interactions.parquet", root / layout.SPLIT / fold / store.HISTORY)
    featurize(NORMALIZED, root, 1)
    return list((root / layout.FEATURES / layout.TEST_FOLD).rglob("*"))


def leaky_normaliser(root):
    """Fits the scale of prices on history and target together."""
    featurize(FeaturizeConfig(), root, 1)
    fold = root / layout.SPLIT / layout.TEST_FOLD
    paid = np.concatenate([pq.read_table(fold / f)[s.VALUE].to_numpy() for f in (store.HISTORY, store.TARGET)])
    folder = root / layout.FEATURES / layout.TEST_FOLD / FOLDER
    shutil.rmtree(folder)
    Normalizer.fit({"price": paid}, {"price": "z_score"}).save(folder)
    return list(folder.rglob("*"))


def leaky_vocabulary(root):
    """Takes the words of a catalogue that holds what the target names."""
    fold = root / layout.SPLIT / layout.TEST_FOLD
    ids = [pq.read_table(fold / f)[s.ITEM_ID].to_pylist() for f in (store.HISTORY, store.TARGET)]
    bundle.write_json(root / "vocabulary.json", sorted({*ids[0][:1], *ids[1]}))
    return [root / "vocabulary.json"]


@pytest.mark.parametrize("planted", [leaky_featurize, leaky_normaliser, leaky_vocabulary])
def test_a_planted_leak_is_noticed(trained_shop, tmp_path, planted):
    assert moved_by_the_future(planted, trained_shop, layout.TEST_FOLD, tmp_path)
