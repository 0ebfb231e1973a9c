"""The ranker's training table is foretold, and refused in words before any model is asked."""

import numpy as np
import pytest

from components.benchmark.entrants.ranker import Ranker, RankerConfig
from components.benchmark.fits import Fits
from components.benchmark.material import recognise
from components.benchmark.protocols import prepare, question, splitter
from components.benchmark.roster import presets
from components.core import rng
from components.core.errors import ConfigError
from components.core.memory import ALLOWED
from components.ranking.training import NEW, RankConfig, foretell, training_table
from components.steps.rank import rank
from tests.conftest import RANKER

USERS, ITEMS, STEPS = 400, 90, 7


@pytest.fixture(scope="module")
def folds(tmp_path_factory):
    """Validation and test fold of walks along a catalogue."""
    root = tmp_path_factory.mktemp("walks")
    lines = [" ".join([f"u{u}", *(f"i{(u * 7 + step) % ITEMS}" for step in range(STEPS))]) for u in range(USERS)]
    (root / "sequences.txt").write_text("\n".join(lines), encoding="utf-8")
    material = recognise(root)
    prepared = prepare(material, splitter("leave-last-out", material, {}), root / "work")
    return [question(prepared, fold) for fold in ("validation", "test")]


@pytest.fixture
def ranker(tmp_path):
    config = RankerConfig(candidates=["popularity", "item_knn"])
    return Ranker(config, Fits(tmp_path / "fits", presets(timed=False), 7))


def test_a_benchmarks_ranker_is_refused_before_a_model_is_fitted(folds, ranker, monkeypatch, tmp_path):
    monkeypatch.setenv(ALLOWED, "0.001")
    words = r"ranker: the fit needs about \d.* MB of memory and 1 MB are left; use fewer negatives_per_user \(150\) or "
    with pytest.raises(ConfigError, match=words + r"most_users \(30000\), which"):
        ranker.fit(*folds, rng.stream(7, "ranker"))
    assert not (tmp_path / "fits").exists()


def test_what_is_foretold_is_the_table_and_its_copies(folds, ranker, monkeypatch):
    before, config = folds[0], ranker.config
    hybrid = ranker._hybrid(before)
    task = before.task
    table = training_table(hybrid, task.histories, task.relevant["all"], config, np.random.default_rng(0), views=(NEW,))
    told = {}
    for gb in (4.4 * table.features.nbytes / 1e9, 10 * table.features.nbytes / 1e9):
        monkeypatch.setenv(ALLOWED, f"{gb:.9f}")
        try:
            foretell("ranker", hybrid.context, len(task.histories), task.relevant["all"], config, views=1)
            told[gb] = True
        except ConfigError:
            told[gb] = False
    assert list(told.values()) == [False, True], "within a factor of about two"


def test_the_step_of_the_loop_foretells_it_too(shop, monkeypatch):
    monkeypatch.setenv(ALLOWED, "0.0001")
    with pytest.raises(ConfigError, match=r"rank: the fit needs about .* use fewer negatives_per_user"):
        rank(RankConfig.model_validate(RANKER), shop, 7)
