"""PCA against planted directions."""

import numpy as np
import pytest
import scipy.sparse as sp

from components.core.errors import ConfigError
from components.reduction.pca import Pca, PcaConfig


def planted(rng):
    along = rng.normal(size=(200, 1)) * np.array([[3.0, 4.0, 0.0]])
    return sp.csr_matrix(along + 0.01 * rng.normal(size=(200, 3)) + 5)


def test_the_first_direction_is_the_planted_one_and_holds_nearly_all_variance():
    pca = Pca(PcaConfig(embedding_size=1)).fit(planted(np.random.default_rng(0)))
    assert np.allclose(pca.directions[:, 0], [0.6, 0.8, 0.0], atol=0.01)
    assert pca.explained[0] > 0.999


def test_projections_are_centred_and_the_same_for_sparse_and_dense_rows():
    matrix = planted(np.random.default_rng(1))
    pca = Pca(PcaConfig(embedding_size=2)).fit(matrix)
    projected = pca.transform(matrix)
    assert np.abs(projected.mean(axis=0)).max() < 1e-4
    assert np.allclose(projected, (matrix.toarray() - pca.mean) @ pca.directions, atol=1e-4)


def test_more_directions_than_columns_are_cut():
    assert Pca(PcaConfig(embedding_size=9)).fit(planted(np.random.default_rng(2))).transform(np.eye(3)).shape == (3, 3)


def test_more_memory_than_allowed_is_refused_before_it_is_taken():
    wide = sp.csr_matrix((3, 20_000))
    with pytest.raises(ConfigError, match=r"20,000 columns needs about 16.0 GB.* lower featurize.text.max_words"):
        Pca().fit(wide)


def test_no_columns_give_no_directions():
    pca = Pca().fit(sp.csr_matrix((4, 0)))
    assert pca.transform(sp.csr_matrix((4, 0))).shape == (4, 0)
    assert pca.explained.sum() == 0
