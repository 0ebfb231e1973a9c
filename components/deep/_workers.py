"""Several processes that train one network: tf.distribute's MultiWorkerMirroredStrategy adds up what each finds.

Every process holds the whole network and draws the same batches; each takes its share of a batch's windows, the
gradients of all are added up, and all take the same step. A share's weights are divided by those of the whole batch, so
that the sum over the workers is the loss of one process with that batch. Importing this file imports TensorFlow.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.core.errors import ConfigError, ShoploopError
from components.deep._sequences import Targets, Windows

CLUSTER = "TF_CONFIG"
REMEDY = "see docs/scale-out.md, or set workers: one"
SUM = tf.distribute.ReduceOp.SUM


@dataclass(frozen=True)
class Workers:
    """A process among all that train together.

    index, number  which one it is, of how many
    """

    strategy: tf.distribute.Strategy
    index: int
    number: int

    @classmethod
    def join(cls) -> Workers:
        """Meet the other processes of TF_CONFIG; waits until all are there.

        Raises ConfigError if TF_CONFIG does not name them, or TensorFlow has been at work in this process before.
        """
        return _joined(os.environ.get(CLUSTER, ""))

    def same_start(self, variables: list[keras.Variable]) -> None:
        """Take over the first worker's values: another machine's may differ in the last bits."""
        for variable in variables:
            own = variable.value if self.index == 0 else tf.zeros_like(variable.value)
            variable.assign(self._sum(own))

    def mean(self, value: float) -> float:
        """Of all workers, so that all decide alike."""
        return float(self._sum(tf.constant(value, tf.float64))) / self.number

    def any(self, said: bool) -> bool:
        """Whether any worker says so."""
        return self.mean(float(said)) > 0

    def summed(self, descent: Callable, batch: tuple) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Loss and gradients of a share, summed over all workers; for the inside of a graph."""

        def of_all(*share: Any) -> tuple[tf.Tensor, list[tf.Tensor]]:
            loss, gradients = descent(*share)
            dense = [tf.convert_to_tensor(gradient) for gradient in gradients]
            loss, *dense = tf.distribute.get_replica_context().all_reduce(SUM, [loss, *dense])
            return loss, dense

        return self.strategy.run(of_all, args=batch)

    def watched(self, step: Callable) -> Callable:
        """The step, with a plain word where another worker is lost in it."""

        def taken(*batch: Any) -> tf.Tensor:
            try:
                return step(*batch)
            except tf.errors.OpError as e:
                raise ShoploopError(
                    f"workers: the training with {self.number} processes broke off ({_first_line(e)}); look at the "
                    "other processes, and start all of them again."
                ) from None

        return taken

    @cached_property
    def _sum(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """Of all workers' values; one graph for each shape, because the clock is agreed on after every step."""

        def of_all(own: tf.Tensor) -> tf.Tensor:
            here = tf.identity(own)  # on this worker's device, as the reduction wants it
            return tf.distribute.get_replica_context().all_reduce(SUM, here)

        return tf.function(lambda own: self.strategy.run(of_all, args=(own,)))


def share_of(windows: Windows, targets: Targets, index: int, number: int) -> tuple[Windows, Targets]:
    """Every number-th window from the index-th on, with its targets; weights over the sum of the whole batch's.

    Of fewer windows than workers each takes all, at a part of their weight.
    """
    n, length = windows.sizes.shape
    weights = targets.weights / targets.weights.sum()
    if n < number:
        return windows, replace(targets, weights=(weights / number).astype(np.float32))

    def own(slots: np.ndarray) -> np.ndarray:
        return slots // length % number == index

    def moved(slots: np.ndarray) -> np.ndarray:
        return (slots // length // number * length + slots % length).astype(np.int32)

    lines, queries = own(windows.slots), own(targets.slots)
    pairs = queries[targets.query]
    place = np.cumsum(queries) - 1
    share = Windows(windows.items[lines], moved(windows.slots[lines]), windows.sizes[index::number])
    return share, Targets(
        moved(targets.slots[queries]),
        place[targets.query[pairs]].astype(np.int32),
        targets.items[pairs],
        weights[pairs].astype(np.float32),
    )


@lru_cache(maxsize=1)
def _joined(cluster: str) -> Workers:
    index, number = _place(cluster)
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    except (RuntimeError, ValueError, tf.errors.OpError) as e:
        raise ConfigError(
            f"workers: cluster: the processes of {CLUSTER} do not meet ({_first_line(e)}); {REMEDY}."
        ) from None
    return Workers(strategy, index, number)


def _place(cluster: str) -> tuple[int, int]:
    """Index of this process, and how many there are."""
    try:
        said = json.loads(cluster or "{}")
        workers, task = said["cluster"]["worker"], said["task"]
        index, number = int(task["index"]), len(workers)
    except (ValueError, KeyError, TypeError):
        raise ConfigError(
            f"workers: cluster needs the environment variable {CLUSTER}, like "
            '{"cluster": {"worker": ["host-a:2222", "host-b:2222"]}, "task": {"type": "worker", "index": 0}}; ' + REMEDY
        ) from None
    if task.get("type") != "worker" or not 0 <= index < number:
        raise ConfigError(f"workers: {CLUSTER}: task {task} is none of the {number} workers; {REMEDY}.")
    return index, number


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
