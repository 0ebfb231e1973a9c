"""What a training leaves behind while it runs: a checkpoint to go on from after a kill, and TensorBoard's logs.

The checkpoint is one sealed folder, replaced after every epoch and removed at the end. It belongs to one configuration,
one set of histories and one state of the random numbers it began with; any other training that finds it starts afresh.
A resumed training ends where the uninterrupted one does.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.core import bundle
from components.core.dataset import Dataset
from components.core.errors import BundleError
from components.core.model import Model

KIND, FORMAT = "checkpoint", 1
CHECKPOINT, LOGS = "checkpoint", "tensorboard"  # folders of a journal
BEST = "best."  # begins the names of the best epoch's weights; the others are variables by number


class Journal:
    """The state of one training after its last whole epoch, and its curves for `tensorboard --logdir <folder>`."""

    def __init__(self, folder: Path, key: str, part: str = ""):
        """folder is this training's own, part one of several trainings that make a fit; key as from `key_of`."""
        self.folder = folder / f"{CHECKPOINT}{part}"
        self.key = key
        self._writer = tf.summary.create_file_writer(str(folder / LOGS / part))

    def save(
        self, variables: list[keras.Variable], best: dict[str, np.ndarray], curves: dict[str, list[float]], draw: Any
    ) -> None:
        """Replace the checkpoint, atomically.

        variables  the network's and the optimizer's, in an order that does not change
        curves     what was recorded so far, one value per epoch
        draw       the random numbers' generator after the epoch
        """
        arrays = {str(number): variable.numpy() for number, variable in enumerate(variables)}
        arrays |= {f"{BEST}{name}": values for name, values in best.items()}
        meta = {"kind": KIND, "format": FORMAT, "key": self.key, "curves": curves, "draw": draw.bit_generator.state}
        bundle.write(self.folder, meta, arrays=arrays)
        with self._writer.as_default():
            for name, values in curves.items():
                tf.summary.scalar(name, values[-1], step=len(values))

    def resume(self, variables: list[keras.Variable], draw: np.random.Generator) -> tuple[dict, dict[str, np.ndarray]]:
        """Put variables and random numbers back; returns (curves, best weights), both empty where there is nothing.

        A checkpoint of another training, or one that does not verify, is left alone until `save` replaces it.
        """
        try:
            content = bundle.read(self.folder)
        except (BundleError, OSError):
            return {}, {}
        meta, arrays = content.meta, content.arrays
        if (meta.get("kind"), meta.get("format"), meta.get("key")) != (KIND, FORMAT, self.key):
            return {}, {}
        for number, variable in enumerate(variables):
            variable.assign(arrays[str(number)].reshape(variable.shape))
        draw.bit_generator.state = meta["draw"]
        return meta["curves"], {n.removeprefix(BEST): a for n, a in arrays.items() if n.startswith(BEST)}

    def close(self) -> None:
        """The training has ended: remove its checkpoint, keep its logs."""
        self._writer.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def key_of(model: Model, data: Dataset, draw: np.random.Generator) -> str:
    """sha256 of all that decides how a training goes."""
    settings = [model.component(), model.version, model.config.model_dump(mode="json"), model.reads()]
    settings += [draw.bit_generator.state, data.now]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for array in _arrays_of(data):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _arrays_of(data: Dataset) -> Iterator[np.ndarray]:
    yield from (data.histories.indptr, data.histories.items, data.histories.times)
    if data.content is not None:
        features = data.content.features()
        yield from (data.content.vectors, features.indptr, features.indices, features.data)
        yield from [] if data.content.words is None else [data.content.words]
    if data.exposures is not None:
        yield from (getattr(data.exposures, field.name) for field in fields(data.exposures))
