"""A training that is killed goes on from its last whole epoch, and ends where the uninterrupted one does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from components.core.dataset import DAY_S, Dataset
from components.core.model import Model
from components.deep.bert4rec import Bert4Rec, Bert4RecConfig
from components.deep.deep_fm import DeepFm, DeepFmConfig
from components.deep.light_gcn import LightGcn, LightGcnConfig
from components.deep.multi_vae import MultiVae, MultiVaeConfig
from components.deep.sasrec import SasRec, SasRecConfig
from components.deep.two_tower import TwoTower, TwoTowerConfig

ROOT = Path(__file__).parents[3]
NOW = 400 * DAY_S
CONFIG = {
    "embedding_size": 8,
    "max_length": 6,
    "epochs": 40,
    "patience": 40,
    "queries": 64,
    "negatives": 20,
    "schedule": "cosine",
    "temperature": 0.2,
}
TRAIN = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
import numpy as np
from test_journal import shop, fitted
fitted(Path(sys.argv[1]), shop())
"""


SMALL = {"embedding_size": 8, "max_length": 6, "epochs": 1, "negatives": 20}
WEIGHTS = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
import numpy as np
from test_journal import SMALL, shop
from components.deep.sasrec import SasRec, SasRecConfig
model = SasRec(SasRecConfig(**SMALL)).fit(shop(), np.random.default_rng(0))
np.savez(sys.argv[1], **model.weights)
"""


def shop() -> Dataset:
    draw = np.random.default_rng(5)
    rows = [(u, i, NOW - (b + 1) * DAY_S) for u in range(60) for b in range(1 + u % 12) for i in draw.choice(30, 2)]
    users, items, times = np.array(rows).T
    return Dataset.from_events(users.astype(str), np.char.zfill(items.astype(str), 2), times, NOW)


def fitted(folder: Path | None, data: Dataset) -> SasRec:
    model = SasRec(SasRecConfig(**CONFIG))
    model.journal_folder = folder
    model.fit(data, np.random.default_rng(0))
    return model


@pytest.mark.slow
def test_a_killed_training_ends_like_one_that_was_not(tmp_path: Path) -> None:
    whole = fitted(None, shop())
    command = [sys.executable, "-c", TRAIN, str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})
    manifest = tmp_path / "checkpoint" / "manifest.json"
    until = time.monotonic() + 120
    while not manifest.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert manifest.exists(), "the training was killed after its first epoch and before its last"
    resumed = fitted(tmp_path, shop())
    assert resumed.curves()["validation_loss"] == pytest.approx(whole.curves()["validation_loss"], rel=1e-4)
    np.testing.assert_allclose(resumed.score(shop().histories), whole.score(shop().histories), atol=1e-3)
    assert not manifest.exists(), "a training that ended needs no checkpoint"
    assert list((tmp_path / "tensorboard").iterdir()), "its curves stay"


CATALOGUE = {"embedding_size": 8, "epochs": 5, "patience": 5, "negatives": 20, "learning_rate": 0.01}
WHOLE_CATALOGUE = [
    (MultiVae, MultiVaeConfig(**CATALOGUE, hidden_size=8)),
    (LightGcn, LightGcnConfig(**CATALOGUE)),
    (DeepFm, DeepFmConfig(**CATALOGUE, refit=True)),
    (TwoTower, TwoTowerConfig(**CATALOGUE, validation_share=0)),
    (Bert4Rec, Bert4RecConfig(**CATALOGUE, max_length=6)),
]


def until(cls: type[Model], epochs: int) -> type[Model]:
    """The model, whose process is interrupted when it begins one more epoch."""

    class Interrupted(cls):
        left = epochs

        def trainer(self, data: Dataset, rng: np.random.Generator):
            trainer = super().trainer(data, rng)
            whole = trainer.epoch

            def epoch(deadline: float) -> float:
                if not self.left:
                    raise KeyboardInterrupt
                self.left -= 1
                return whole(deadline)

            trainer.epoch = epoch
            return trainer

    return Interrupted


def of_catalogue(cls: type[Model], config: object, folder: Path | None, epochs: int = 1000) -> Model:
    model = until(cls, epochs)(config)
    model.journal_folder = folder
    return model.fit(shop(), np.random.default_rng(0))


@pytest.mark.slow
@pytest.mark.parametrize(("cls", "config"), WHOLE_CATALOGUE, ids=lambda x: getattr(x, "__name__", ""))
def test_an_interrupted_fit_of_a_model_of_the_whole_catalogue_ends_like_one_that_was_not(
    tmp_path: Path, cls: type[Model], config: object
) -> None:
    whole, done = of_catalogue(cls, config, None), 7 if getattr(config, "refit", False) else 3
    whole_epochs = 1000 - whole.left
    done = min(done, whole_epochs - 1)
    with pytest.raises(KeyboardInterrupt):
        of_catalogue(cls, config, tmp_path, done)
    assert (tmp_path / "checkpoint" / "manifest.json").is_file()
    resumed = of_catalogue(cls, config, tmp_path)
    assert 1000 - resumed.left == whole_epochs - done, "what was done is not done again"
    for name, values in whole.curves().items():
        assert resumed.curves()[name] == pytest.approx(values, rel=1e-4), name
    np.testing.assert_allclose(resumed.score(shop().histories), whole.score(shop().histories), atol=1e-3)
    assert not list(tmp_path.glob("checkpoint*")), "a training that ended needs no checkpoint"
    assert list((tmp_path / "tensorboard").glob("events*")), "its curves stay"


@pytest.mark.slow
def test_a_checkpoint_of_other_data_or_a_damaged_one_is_not_gone_on_from(tmp_path: Path) -> None:
    import keras

    from components.deep._journal import Journal

    [variable] = variables = [keras.Variable(np.ones(3, np.float32))]
    draw = np.random.default_rng(0)
    Journal(tmp_path, "this").save(variables, {"w": np.ones(2)}, {"train_loss": [2.0], "validation_loss": [3.0]}, draw)
    variable.assign(np.zeros(3))
    assert Journal(tmp_path, "other").resume(variables, draw) == ({}, {})
    assert variable.numpy().tolist() == [0, 0, 0]
    losses, best = Journal(tmp_path, "this").resume(variables, draw)
    assert losses["validation_loss"] == [3.0] and best["w"].tolist() == [1, 1]
    assert variable.numpy().tolist() == [1, 1, 1]
    with open(tmp_path / "checkpoint" / "arrays.safetensors", "r+b") as f:
        f.seek(-4, os.SEEK_END)
        f.write(b"\xff\xff\xff\xff")
    assert Journal(tmp_path, "this").resume(variables, draw) == ({}, {})


@pytest.mark.slow
def test_a_graphics_card_that_is_promised_changes_no_weight(tmp_path: Path) -> None:
    """The packages are the ones without CUDA, so that a card in the machine is left alone; none can be shown here."""
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "0"}
    file = tmp_path / "weights.npz"
    subprocess.run([sys.executable, "-c", WEIGHTS, str(file)], cwd=ROOT, env=environment, check=True, timeout=240)
    promised, here = np.load(file), SasRec(SasRecConfig(**SMALL)).fit(shop(), np.random.default_rng(0)).weights
    assert set(promised.files) == set(here)
    assert all(promised[name] == pytest.approx(here[name], abs=1e-6) for name in here)


@pytest.mark.slow
def test_a_training_that_is_killed_in_its_first_epoch_keeps_the_contrast(tmp_path: Path, monkeypatch) -> None:
    from components.deep import _training

    def interrupted(*_: object) -> float:
        raise KeyboardInterrupt

    config = SasRecConfig(**SMALL, contrast_epochs=3)
    told = []
    for epoch in (interrupted, _training._Trainer.epoch):
        monkeypatch.setattr(_training._Trainer, "epoch", epoch)
        model = SasRec(config)
        model.journal_folder = tmp_path
        try:
            told.append(model.fit(shop(), np.random.default_rng(0)).curves()["contrast_loss"])
        except KeyboardInterrupt:
            monkeypatch.setattr(_training, "pretrain", None)  # what is kept is not made again
    assert len(told) == 1 and len(told[0]) == 3
