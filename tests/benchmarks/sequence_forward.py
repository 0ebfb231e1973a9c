"""Numpy's forward pass of a sequence model against its Keras graph compiled for one shape: is numpy the right choice?

python -m tests.benchmarks.sequence_forward [--model sasrec] [--rounds 200]

Random weights and windows; one thread each; the ways take turns, so that all meet the same machine. CPU milliseconds of
a call, the median, and the seconds until the first answer.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}
os.environ |= {"OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}

import numpy as np

from components.core.registry import MODELS

BATCHES = (1, 64)


def ways(name, batch, rng):
    """Way → a call without arguments that gives states (batch, size), and the seconds it took to be ready."""
    import tensorflow as tf

    cls = MODELS.get(name)
    model = cls(cls.Config())
    encoder = cls.encoder(model.config, rng)
    model.weights = {v.path.replace("/", "."): np.asarray(v.value) for v in encoder.trainable_variables}
    length, size = model.config.max_length, model.config.embedding_size
    vectors = rng.standard_normal((batch, length, size)).astype(np.float32)
    mask = np.arange(length) >= rng.integers(0, length, (batch, 1))
    shapes = [tf.TensorSpec(vectors.shape, tf.float32), tf.TensorSpec(mask.shape, tf.bool)]

    def graph(compiled):
        call = tf.function(
            lambda v, m: encoder([v, m], training=False)[:, -1],
            input_signature=shapes,
            jit_compile=compiled,
        )
        return lambda: call(tf.constant(vectors), tf.constant(mask)).numpy()

    made = {"numpy": lambda: model.encode(vectors, mask), "tf.function": graph(False), "tf.function, XLA": graph(True)}
    return {way: (call, _ready(call)) for way, call in made.items()}


def _ready(call):
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def main():
    """Print a line for every batch and way."""
    options = argparse.ArgumentParser()
    options.add_argument("--model", default="sasrec")
    options.add_argument("--rounds", type=int, default=200)
    told = options.parse_args()
    for batch in BATCHES:
        found = ways(told.model, batch, np.random.default_rng(1))
        taken = {way: [] for way in found}
        for _ in range(max(10, told.rounds // batch if batch > 1 else told.rounds)):
            for way, (call, _) in found.items():
                began = time.process_time()
                call()
                taken[way].append(1000 * (time.process_time() - began))
        exact = found["numpy"][0]()
        for way, (call, ready) in found.items():
            apart = float(np.abs(call() - exact).max())
            ms = float(np.median(taken[way]))
            print(
                f"{told.model}, batch {batch}: {way}: {ms:.2f} CPU ms a call, "
                f"first answer after {ready:.1f} s, off by {apart:.0e}"
            )


if __name__ == "__main__":
    main()
