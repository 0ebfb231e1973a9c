"""Normalised features: fitted on the first history, the same numbers offline and in the release, refused when mixed."""

import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from components.core import layout
from components.core.errors import BundleError, ConfigError, ReleaseError
from components.features.normalization import FOLDER, Normalizer
from components.ranking.assemble import load_hybrid
from components.ranking.training import RankConfig
from components.release.assemble import assemble
from components.release.load import HYBRID, load
from components.release.release import Question
from components.splits import store
from components.steps.featurize import FeaturizeConfig, featurize
from components.steps.rank import rank
from tests.conftest import RANKER

pytestmark = pytest.mark.slow

METHODS = {
    "price": "min_max",
    "users": "quantile",
    "user_spend": "robust",
    "trend": "z_score",
    "user_lines": "log",
}


@pytest.fixture(scope="module")
def normalized(trained_shop, tmp_path_factory):
    root = tmp_path_factory.mktemp("normalized") / "project"
    shutil.copytree(trained_shop, root)
    featurize(FeaturizeConfig(normalize=METHODS), root, 1)
    rank(RankConfig.model_validate(RANKER), root, 1)
    return root


def features(hybrid, history):
    names, matrix = hybrid.features(history, hybrid.propose(history))
    return dict(zip(names, matrix.T, strict=True))


def test_offline_and_serving_see_the_same_normalised_values(normalized):
    release = assemble(normalized, "shop", {})
    data = store.load_dataset(normalized / layout.SPLIT / layout.TEST_FOLD / store.DATASET)
    hybrid = load_hybrid(normalized, layout.TEST_FOLD, data)
    history = release.history(Question(user_id="u03"))
    offline = features(hybrid, data.histories.take([data.users.index("u03")]))
    serving = features(load(normalized / layout.RELEASE).hybrid, history)
    assert offline.keys() == serving.keys()
    for name, values in offline.items():
        assert np.array_equal(values, serving[name], equal_nan=True), name
    assert 0 <= offline["price"].min() <= offline["price"].max() <= 1
    raw = hybrid.context.item_numbers[:, hybrid.context.item_names.index("price")]
    assert raw.max() > 1  # prices as they were paid; what is derived from them is derived before they are scaled


def test_it_is_fitted_on_the_first_fold_and_the_same_in_both(normalized):
    folds = [normalized / layout.FEATURES / fold for fold in layout.FOLDS]
    first, second = (Normalizer.load(fold / FOLDER) for fold in folds)
    assert first.digest == second.digest
    prices = pq.read_table(folds[0] / "items.parquet")["price"].to_numpy()
    assert first.parameters["price"].tolist() == [prices.min(), np.ptp(prices)]


def test_a_ranker_behind_another_normalisation_is_refused_offline_and_in_a_release(normalized, tmp_path):
    root = shutil.copytree(normalized, tmp_path / "project")
    other = Normalizer.load(root / layout.FEATURES / layout.TEST_FOLD / FOLDER)
    other.parameters["price"][1] *= 2
    other.save(root / layout.FEATURES / layout.TEST_FOLD / FOLDER)
    data = store.load_dataset(root / layout.SPLIT / layout.TEST_FOLD / store.DATASET)
    with pytest.raises(BundleError, match="trained with another normalisation"):
        load_hybrid(root, layout.TEST_FOLD, data)
    release = shutil.copytree(assemble(normalized, "shop", {}) and normalized / layout.RELEASE, tmp_path / "release")
    from components.core import bundle

    at = release / HYBRID / "ranker" / "model.json"
    bundle.write_json(at, bundle.read_json(at) | {"normalization": other.digest})
    for folder in (at.parent, release):
        if (folder / bundle.MANIFEST).exists():
            bundle.seal(folder, {})
    with pytest.raises(ReleaseError, match="trained with another normalisation"):
        load(release)


def test_a_column_that_is_no_feature_is_refused(shop):
    with pytest.raises(ConfigError, match="no feature column title"):
        featurize(FeaturizeConfig(normalize={"title": "log"}), shop, 1)
