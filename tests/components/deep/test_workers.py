"""Two processes that train one SASRec: the same curve and the same weights as one process with the same batches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from components.core.baskets import baskets_of
from components.core.config import parse
from components.core.dataset import DAY_S, Dataset, Histories
from components.core.errors import ConfigError
from components.core.ports import HOST, probe
from components.deep._config import SequenceConfig
from components.deep._sequences import Targets, Windows, training_batches
from components.deep.sasrec import SasRec, SasRecConfig

ROOT = Path(__file__).parents[3]
NOW = 400 * DAY_S
OPTIONS = {
    "embedding_size": 8, "max_length": 6, "epochs": 4, "patience": 4, "queries": 64, "negatives": 20, "batch_size": 16,
    "dropout": 0.0, "learning_rate": 0.01,
}  # fmt: skip
TRAIN = f"""
import json, sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
import numpy as np
from test_workers import shop
from components.deep.sasrec import SasRec, SasRecConfig
model = SasRec(SasRecConfig(**json.loads(sys.argv[1]))).fit(shop(), np.random.default_rng(0))
np.savez(sys.argv[2], **model.weights)
print(json.dumps(model.curves()))
"""


def shop() -> Dataset:
    draw = np.random.default_rng(5)
    rows = [(u, i, NOW - (b + 1) * DAY_S) for u in range(60) for b in range(1 + u % 12) for i in draw.choice(30, 2)]
    users, items, times = np.array(rows).T
    return Dataset.from_events(users.astype(str), np.char.zfill(items.astype(str), 2), times, NOW)


def worker(weights: Path, addresses: list[str], index: int) -> subprocess.Popen:
    cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
    environment = {**os.environ, "TF_CONFIG": json.dumps(cluster)}
    command = [sys.executable, "-c", TRAIN, json.dumps(OPTIONS | {"workers": "cluster"}), str(weights)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_two_workers_train_what_one_does(tmp_path: Path) -> None:
    addresses = [f"{HOST}:{probe()}" for _ in range(2)]
    files = [tmp_path / f"{name}.npz" for name in ("first", "second")]
    processes = [worker(file, addresses, index) for index, file in enumerate(files)]
    try:
        alone = SasRec(SasRecConfig(**OPTIONS)).fit(shop(), np.random.default_rng(0))
        first, second = (json.loads(process.communicate(timeout=600)[0].splitlines()[-1]) for process in processes)
    finally:
        for process in processes:
            process.kill()
    one = alone.curves()
    assert len(one["train_loss"]) == 4 and one["train_loss"][-1] < one["train_loss"][0]
    for name, values in one.items():
        assert first[name] == second[name]
        assert first[name] == pytest.approx(values, rel=1e-3)
    together, other = (np.load(file) for file in files)
    for name, weights in alone.weights.items():
        assert np.array_equal(together[name], other[name])
        assert together[name] == pytest.approx(weights, abs=5e-3)


@pytest.mark.slow
def test_shares_of_a_batch_are_the_batch() -> None:
    from components.deep._workers import share_of

    past = Histories.of([[1, 2, 3], [4, 5], [1, 5, 2, 4], [3, 1, 2]], [[1, 2, 3], [1, 2], [1, 2, 3, 3], [4, 5, 6]], 9)
    config = SequenceConfig(max_length=3, queries=5, horizon=2, batch_size=4)
    (windows, targets), *_ = training_batches(baskets_of(past), config, np.random.default_rng(0))

    def pairs(windows: Windows, targets: Targets) -> list[tuple]:
        """Every pair with the window it is foretold from, and its weight."""
        n, length = windows.sizes.shape
        lines = [windows.items[windows.slots // length == w].tolist() for w in range(n)]
        places = targets.slots[targets.query]
        rows = zip(places, targets.items, targets.weights, strict=True)
        return [(lines[p // length], p % length, item, round(float(weight), 5)) for p, item, weight in rows]

    whole = Targets(targets.slots, targets.query, targets.items, targets.weights / targets.weights.sum())
    shares = [share_of(windows, targets, index, 3) for index in range(3)]
    assert sorted((pair for share in shares for pair in pairs(*share)), key=str) == sorted(
        pairs(windows, whole), key=str
    )
    assert [len(share.sizes) for share, _ in shares] == [2, 1, 1]
    few = [share_of(windows, targets, index, 5)[1].weights.sum() for index in range(5)]
    assert few == pytest.approx([0.2] * 5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("", "needs the environment variable TF_CONFIG"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', "none of the 1 workers"),
        ('{"cluster": 3}', "needs the environment variable TF_CONFIG"),
    ],
)
def test_a_cluster_that_nobody_named_is_refused_in_words(said: str, words: str) -> None:
    from components.deep._workers import _place

    with pytest.raises(ConfigError, match=words):
        _place(said)


def test_it_is_off_by_default_and_takes_no_contrast() -> None:
    assert SequenceConfig().workers == "one"
    with pytest.raises(ConfigError, match="contrast_epochs must be 0 where workers is cluster"):
        parse(SasRecConfig, {"workers": "cluster", "contrast_epochs": 1}, "params.yaml: models.sasrec.params")
