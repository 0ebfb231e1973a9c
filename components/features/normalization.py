"""Normalisation: feature columns on comparable scales, fitted on a history and then never changed.

Use it for what is not a tree: linear models, distances, networks. Trees split the same way whatever the scale, so the
default is none. Methods, all from the finite values of the fitting table:
    min_max   0 at the least value, 1 at the largest; what lies outside later is cut to [0, 1]
    z_score   (x - mean) / standard deviation
    robust    (x - median) / interquartile range
    log       sign(x) · log(1 + |x|), for counts and money; nothing to fit
    quantile  share of the fitted values below x, in [0, 1]
A missing value stays missing, infinity counts as missing, a constant column becomes one finite value.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from components.core import bundle
from components.core.errors import BundleError, ConfigError

Method = Literal["min_max", "z_score", "robust", "log", "quantile"]
VERSION = 1
KIND = "normalization"
KNOTS = 1001  # of the quantile curve: a thousandth of the rows between two of them
FOLDER = "normalization"  # beside a fold's features


@dataclass(frozen=True)
class Normalizer:
    """Methods and fitted numbers by column; columns without a method pass unchanged.

    methods     column → method
    parameters  column → float64; two numbers, or for quantile (2, knots): values and shares
    """

    methods: dict[str, Method] = field(default_factory=dict)
    parameters: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def fit(cls, columns: Mapping[str, np.ndarray], methods: Mapping[str, Method]) -> Normalizer:
        """Learn from the history's columns, float (rows,) each.

        Raises ConfigError on a method for a column that is not there.
        """
        unknown = sorted(set(methods) - set(columns))
        if unknown:
            raise ConfigError(
                f"params.yaml: featurize.normalize: no feature column {', '.join(unknown)}; known: "
                f"{', '.join(sorted(columns))}."
            )
        fitted = {name: FIT[method](_finite(columns[name])) for name, method in sorted(methods.items())}
        return cls(dict(sorted(methods.items())), fitted)

    def transform(self, name: str, values: np.ndarray) -> np.ndarray:
        """float64 like `values`: one column on its new scale; columns without a method as they are."""
        if name not in self.methods:
            return np.asarray(values, dtype=np.float64)
        values = _known(values)
        out = TRANSFORM[self.methods[name]](values, self.parameters[name])
        return np.where(np.isnan(values), np.nan, out)

    def inverse(self, name: str, values: np.ndarray) -> np.ndarray:
        """float64: the column on its old scale, as far as it was not cut off; a constant column comes back whole."""
        if name not in self.methods:
            return np.asarray(values, dtype=np.float64)
        values = _known(values)
        out = INVERSE[self.methods[name]](values, self.parameters[name])
        return np.where(np.isnan(values), np.nan, out)

    def apply(self, names: Sequence[str], matrix: np.ndarray) -> np.ndarray:
        """float32 (rows, len(names)): the matrix with its named columns on their new scales; itself if none has."""
        at = [(i, name) for i, name in enumerate(names) if name in self.methods]
        if not at:
            return matrix
        out = np.array(matrix, dtype=np.float32)
        for i, name in at:
            out[:, i] = self.transform(name, matrix[:, i])
        return out

    @property
    def digest(self) -> str:
        """One sha256 that stands for methods and numbers."""
        found = hashlib.sha256(json.dumps([VERSION, self.methods], sort_keys=True).encode())
        for name in sorted(self.parameters):
            found.update(np.ascontiguousarray(self.parameters[name], dtype="<f8").tobytes())
        return found.hexdigest()

    def pack(self) -> tuple[dict, dict[str, np.ndarray]]:
        """Meta data and arrays for a bundle; `unpack` reads them back."""
        return {"version": VERSION, "methods": self.methods}, dict(self.parameters)

    @classmethod
    def unpack(cls, meta: Mapping, arrays: Mapping[str, np.ndarray], where: Path | str) -> Normalizer:
        """What `pack` gave; BundleError if it is of another version or incomplete."""
        methods = dict(meta.get("methods", {}))
        if meta.get("version") != VERSION or not set(methods) <= set(arrays) or not set(methods.values()) <= set(FIT):
            raise BundleError(f"{where}: not a normalisation of version {VERSION}; run featurize and rank again.")
        return cls(methods, {name: np.asarray(arrays[name], dtype=np.float64) for name in methods})

    def save(self, folder: Path) -> None:
        """Write it as a bundle."""
        meta, arrays = self.pack()
        bundle.write(folder, {"kind": KIND, "format": 1, **meta}, arrays=arrays)

    @classmethod
    def load(cls, folder: Path) -> Normalizer:
        """Read it back, verified; BundleError if it is missing, altered or anything else."""
        content = bundle.read(folder)
        if content.meta.get("kind") != KIND:
            raise BundleError(f"{folder}: not a normalisation; run the featurize step again.")
        return cls.unpack(content.meta, content.arrays, folder)


def _finite(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    return values[np.isfinite(values)]


def _known(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _pair(numbers: np.ndarray, centre: Callable, spread: Callable) -> np.ndarray:
    """Two numbers of the known values; NaN where there are none, so that nothing is known afterwards either."""
    return np.array([centre(numbers), spread(numbers)]) if len(numbers) else np.full(2, np.nan)


def _iqr(numbers: np.ndarray) -> float:
    low, high = np.quantile(numbers, [0.25, 0.75])
    return float(high - low)


def _fit_quantile(numbers: np.ndarray) -> np.ndarray:
    """Values and the share of fitted values below each, ties counted by half."""
    if not len(numbers):
        return np.full((2, 1), np.nan)
    numbers = np.sort(numbers)
    knots = np.unique(np.quantile(numbers, np.linspace(0, 1, KNOTS), method="nearest"))
    below, up_to = (np.searchsorted(numbers, knots, side=side) for side in ("left", "right"))
    return np.stack([knots, (below + up_to) / 2 / len(numbers)])


def _scaled(values: np.ndarray, p: np.ndarray) -> np.ndarray:
    """(x - centre) / spread; 0 where there is no spread."""
    return (values - p[0]) / p[1] if p[1] > 0 else np.where(np.isnan(p[1]), np.nan, np.zeros(len(values)))


def _unscaled(values: np.ndarray, p: np.ndarray) -> np.ndarray:
    return values * p[1] + p[0]


FIT: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "min_max": lambda x: _pair(x, np.min, np.ptp),
    "z_score": lambda x: _pair(x, np.mean, np.std),
    "robust": lambda x: _pair(x, np.median, _iqr),
    "log": lambda _: np.zeros(2),
    "quantile": _fit_quantile,
}
TRANSFORM: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "min_max": lambda x, p: _scaled(x, p).clip(0, 1),
    "z_score": _scaled,
    "robust": _scaled,
    "log": lambda x, _: np.sign(x) * np.log1p(np.abs(x)),
    "quantile": lambda x, p: np.interp(x, p[0], p[1]),
}
INVERSE: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "min_max": _unscaled,
    "z_score": _unscaled,
    "robust": _unscaled,
    "log": lambda y, _: np.sign(y) * np.expm1(np.abs(y)),
    "quantile": lambda y, p: np.interp(y, p[1], p[0]),
}
