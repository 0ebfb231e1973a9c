"""Randomness: one seed in params.yaml, one independent stream per named purpose."""

import hashlib

import numpy as np


def stream(seed: int, *names: str) -> np.random.Generator:
    """Independent generator for a named purpose, equal for equal (seed, names).

    seed    int >= 0, from params.yaml
    names   what the stream is for, e.g. ("train", "sasrec"); order matters
    """
    digest = hashlib.sha256("\x1f".join(names).encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])
