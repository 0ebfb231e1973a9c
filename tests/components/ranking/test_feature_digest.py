"""A digest tells whether the ranker was asked with the same features, bit by bit."""

import numpy as np
import pytest

from components.ranking.feature_digest import digest, feature_digests, note_features

ITEMS = np.array([3, 1], dtype=np.int32)
FEATURES = np.array([[0.5, 1.0], [np.nan, 2.0]], dtype=np.float32)


@pytest.mark.parametrize(
    ("items", "features"),
    [
        (ITEMS, np.nextafter(FEATURES, np.float32(9))),  # one bit of each
        (ITEMS, np.where(FEATURES == 0.5, np.float32(-0.5), FEATURES)),
        (ITEMS[::-1], FEATURES),
        (ITEMS, FEATURES[:, ::-1]),
        (ITEMS, FEATURES.reshape(1, 4)),
    ],
)
def test_another_bit_another_order_or_another_shape_is_another_digest(items, features):
    assert digest(items, features) != digest(ITEMS, FEATURES)


def test_equal_bits_have_one_digest_wherever_they_lie_in_memory():
    assert digest(ITEMS.astype(np.int64), np.asfortranarray(FEATURES)) == digest(ITEMS, FEATURES)


def test_only_rankings_inside_the_block_are_told_of_in_their_order():
    note_features(ITEMS, FEATURES)
    with feature_digests() as found:
        note_features(ITEMS, FEATURES)
        note_features(ITEMS[:1], FEATURES[:1])
    note_features(ITEMS, FEATURES)
    assert found == [digest(ITEMS, FEATURES), digest(ITEMS[:1], FEATURES[:1])]
