"""EASE: the linear item-to-item model with a closed-form solution and a zero diagonal.

Use it as the strong linear baseline. The `max_items` most bought items are solved together, in closed form; of the
solution the `neighbours` largest positive weights of an item are kept, and negative ones dropped. Beyond them (with
max_items 0: for all) every item is regressed on its `tail_neighbours` most similar items of the whole catalogue, the
same ridge over fewer columns; with tail_neighbours 0 the tail scores 0.
Cost: max_items³ operations once and max_items² floats while fitting, which `memory_limit_gb` bounds before the fit
starts; the tail takes tail_neighbours³ operations per item and some megabytes, however large the catalogue.
Source: Steck 2019 (doi:10.1145/3308558.3313710), equation 8.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field, model_validator

from components.cf._neighbours import BLOCK_CELLS, by_blocks
from components.cf._recency import RecencyConfig, RecencyModel
from components.cf._regressions import regress, regress_part
from components.core.bundle import pack_csr, unpack_csr
from components.core.dataset import Dataset, Histories
from components.core.errors import ConfigError, DataError
from components.core.forms import SparseModel
from components.core.memory import FLOAT, GB, Part, in_words
from components.core.model import Capabilities
from components.core.space import NEIGHBOURS, Choice, Floats

BLOCKS_AT_ONCE = 12  # blocks of BLOCK_CELLS floats beside the one array of max_items²


class EaseConfig(RecencyConfig):
    """max_items is the head, solved together; tail_neighbours the items each other item is regressed on, 0 for none.

    neighbours are the positive weights kept per item; memory_limit_gb is for the fit. half_life_days and basket_decay
    weigh the history that is scored.
    """

    space: ClassVar = RecencyConfig.space | {
        "max_items": Choice((0, 1000, 4000, 8000)),
        "tail_neighbours": Choice((50, 100, 200)),
        "regularization": Floats(10, 5000, log=True),
        "neighbours": NEIGHBOURS,
    }
    max_items: int = Field(default=4000, ge=0)
    tail_neighbours: int = Field(default=0, ge=0, le=2000)
    regularization: float = Field(default=1000.0, gt=0)
    neighbours: int = Field(default=200, ge=1)
    memory_limit_gb: float = Field(default=2.0, gt=0)

    @model_validator(mode="after")
    def _something_is_fitted(self) -> EaseConfig:
        if not self.max_items and not self.tail_neighbours:
            raise ValueError("max_items and tail_neighbours are both 0, so nothing would be fitted; raise one of them")
        return self


class Ease(SparseModel, RecencyModel):
    """Weights of the history's items on every other item, from one ridge regression per item."""

    version = 2
    Config = EaseConfig
    capabilities = Capabilities(uses_time=True)

    def memory(self, data: Dataset) -> list[Part]:
        """Of the head's one dense array with some blocks beside it, and of what the tail is regressed on.

        Raises ConfigError where the head needs more than memory_limit_gb.
        """
        config, n = self.config, len(data.items)
        head = min(config.max_items, n)
        check_memory(head, config.memory_limit_gb)
        solved, name = head_bytes(head), f"use a smaller max_items ({head})"
        if not config.tail_neighbours:
            return [Part(solved, name)]
        tail, of_all = (regress_part(rest, data, config.tail_neighbours, "tail_neighbours") for rest in (n - head, n))
        return [Part(solved, name, min(solved, of_all.bytes - tail.bytes)), tail]  # what leaves the head joins the tail

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        bought = data.histories.matrix(self.n_items, binary=True)
        buyers = np.bincount(bought.indices, minlength=self.n_items)
        by_popularity = np.argsort(-buyers, kind="stable")
        head = np.sort(by_popularity[: self.config.max_items])
        nothing = sp.csr_matrix((self.n_items,) * 2, dtype=np.float32)
        self.weights = self._of_head(bought, head) if len(head) else nothing
        tail = np.sort(by_popularity[self.config.max_items :])
        if self.config.tail_neighbours and len(tail):
            self.weights = sp.csr_matrix(self.weights + self._of_tail(bought, tail))

    def _of_head(self, bought: sp.csr_matrix, head: np.ndarray) -> sp.csr_matrix:
        weights = closed_form(sp.csr_matrix(bought[:, head]), self.config.regularization)
        kept = by_blocks(len(head), self.config.neighbours, lambda targets: weights[:, targets].T).tocoo()
        shape = (self.n_items, self.n_items)
        return sp.csr_matrix((kept.data, (head[kept.col], head[kept.row])), shape=shape)

    def _of_tail(self, bought: sp.csr_matrix, tail: np.ndarray) -> sp.csr_matrix:
        def ridge(grams: np.ndarray, right: np.ndarray) -> np.ndarray:
            diagonals = np.diagonal(grams, axis1=1, axis2=2)
            check_ridge(diagonals, self.config.regularization)
            loaded = grams + np.float32(self.config.regularization) * np.eye(grams.shape[1], dtype=np.float32)
            return np.maximum(np.linalg.solve(loaded, right[:, :, None])[:, :, 0], 0)

        return regress(bought, tail, min(self.config.tail_neighbours, self.n_items - 1), ridge, "ease")

    def evidence(self, histories: Histories) -> sp.csr_matrix:
        """Weighted history times weights; 0 where nothing was fitted."""
        return self.recent(histories).sqrt() @ self.weights

    def state(self) -> dict[str, np.ndarray]:
        """weights: CSR (n_items, n_items), row i holds what item i speaks for."""
        return pack_csr("weights", self.weights)

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back the weights."""
        self.weights = unpack_csr("weights", arrays)


def check_memory(n_items: int, limit_gb: float) -> None:
    """Refuse a fit that would need more memory than allowed, before it starts; ConfigError."""
    needed_gb = head_bytes(n_items) / GB
    if needed_gb > limit_gb:
        cells = limit_gb * GB / FLOAT
        blocks = min(BLOCK_CELLS, cells / (1 + BLOCKS_AT_ONCE))  # as head_bytes has them
        largest = int(np.sqrt(cells - BLOCKS_AT_ONCE * blocks))
        raise ConfigError(
            f"ease: fitting {n_items} items needs about {in_words(needed_gb)}, memory_limit_gb is {limit_gb:g}; set "
            f"max_items to at most {largest} and tail_neighbours to 100 or so, which fits the other items in little "
            "memory, or raise memory_limit_gb."
        )


def head_bytes(n_items: int) -> float:
    """Of so many items solved together: one dense array, and some blocks beside it."""
    cells = float(n_items) ** 2
    return FLOAT * (cells + BLOCKS_AT_ONCE * min(BLOCK_CELLS, cells))


def closed_form(bought: sp.csr_matrix, regularization: float) -> np.ndarray:
    """EASE's dense weights, float32 (items, items) with a zero diagonal; one such array is held, no more.

    bought  float32 CSR (users, items)
    Raises  DataError if the ridge is too small for float32, e.g. beside items that the same users bought.
    """
    from scipy.linalg import lapack

    weights = _gram(bought)
    check_ridge(weights.diagonal(), regularization)
    weights[np.diag_indices_from(weights)] += regularization
    weights, failed = lapack.spotrf(weights, overwrite_a=True, clean=False)
    _check_solved(not failed, regularization)
    weights, failed = lapack.spotri(weights, overwrite_c=True)  # the upper triangle only
    _check_solved(not failed, regularization)
    diagonal = weights.diagonal().copy()
    _check_solved(bool(np.isfinite(diagonal).all()), regularization)
    for part in _column_blocks(len(weights)):
        # Column j of the symmetric inverse: above the diagonal as solved, below it from row j.
        weights[part.stop :, part] = weights[part, part.stop :].T
        square = np.triu(weights[part, part])
        weights[part, part] = square + np.triu(square, 1).T
    for part in _column_blocks(len(weights)):
        weights[:, part] /= -diagonal[part]
        _check_solved(bool(np.isfinite(weights[:, part]).all()), regularization)
    weights[np.diag_indices_from(weights)] = 0
    return weights


def check_ridge(diagonals: np.ndarray, regularization: float) -> None:
    """Refuse a ridge that float32 rounds away beside a gram's diagonal: it is left to the processor who notices."""
    _check_solved(regularization > np.finfo(np.float32).eps * diagonals.max(initial=0), regularization)


def _gram(bought: sp.csr_matrix) -> np.ndarray:
    """float32 (items, items) in Fortran's order: how many users bought both items, filled block by block."""
    items = sp.csr_matrix(bought.T)
    gram = np.empty((items.shape[0],) * 2, dtype=np.float32, order="F")
    for part in _column_blocks(len(gram)):
        gram[:, part] = (items[part] @ bought).toarray().T
    return gram


def _column_blocks(columns: int) -> Iterator[slice]:
    size = max(1, BLOCK_CELLS // max(columns, 1))
    for start in range(0, columns, size):
        yield slice(start, min(start + size, columns))


def _check_solved(solved: bool, regularization: float) -> None:
    """In exact arithmetic any ridge makes the gram matrix positive definite; in float32 a tiny one is rounded away."""
    if not solved:
        raise DataError(
            "ease: the items' gram matrix cannot be inverted: some items are bought by the same users and "
            f"regularization {regularization:g} is too small to tell them apart; raise `regularization`."
        )
