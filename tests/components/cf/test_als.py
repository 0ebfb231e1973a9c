"""ALS: the fold-in is the exact least-squares solution, and serves new users as fitted ones."""

from __future__ import annotations

import numpy as np
import pytest

from components.cf.als import Als, AlsConfig
from components.core.dataset import Dataset, Histories

CONFIG = AlsConfig(embedding_size=3, epochs=30, regularization=0.5, alpha=2, half_life_days=None)


def fitted() -> tuple[Als, Dataset]:
    draw = np.random.default_rng(1)
    data = Dataset.from_events(
        draw.integers(20, size=200).astype(np.str_), draw.integers(8, size=200).astype(np.str_), np.arange(200), 200
    )
    return Als(CONFIG).fit(data, np.random.default_rng(2)), data


def test_the_fold_in_solves_the_weighted_ridge_regression() -> None:
    model, _ = fitted()
    user = model.embed_users(Histories.of([[0, 0, 5]], [[1, 2, 3]], 10))[0]
    confidence, wanted = np.ones(8), np.zeros(8)
    confidence[[0, 5]] += CONFIG.alpha * np.array([2, 1])
    wanted[[0, 5]] = 1
    Y = model.item_factors.astype(np.float64)
    exact = np.linalg.solve(
        Y.T @ (confidence[:, None] * Y) + CONFIG.regularization * np.eye(3), Y.T @ (confidence * wanted)
    )
    assert user == pytest.approx(exact, abs=1e-4)


def test_item_factors_are_the_fixed_point_of_the_folded_in_users() -> None:
    """With the users folded in, solving for the items gives (nearly) the items back: implicit and we agree."""
    model, data = fitted()
    X = model.embed_users(data.histories).astype(np.float64)
    counts = data.histories.matrix(8).toarray()
    solved = [
        np.linalg.solve(X.T @ (c[:, None] * X) + CONFIG.regularization * np.eye(3), X.T @ (c * (counts[:, i] > 0)))
        for i, c in enumerate((1 + CONFIG.alpha * counts).T)
    ]
    assert np.array(solved) == pytest.approx(model.item_factors, abs=0.02)


def test_an_empty_history_scores_zero() -> None:
    model, _ = fitted()
    assert not model.score(Histories.of([[]], [[]], 10)).any()
