"""Vocabulary: a one-to-one map between sorted text ids and 0 … n-1."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.errors import DataError
from components.core.vocabulary import UNKNOWN, Vocabulary

# NUL is refused, and half a surrogate pair cannot be stored as UTF-8.
ids = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=8))


@given(ids)
def test_every_id_comes_back(raw: list[str]) -> None:
    vocabulary = Vocabulary.fit(raw)
    assert vocabulary.decode(vocabulary.encode(raw)).tolist() == raw


@given(ids)
def test_indices_are_dense_and_in_the_order_of_the_ids(raw: list[str]) -> None:
    vocabulary = Vocabulary.fit(raw)
    assert vocabulary.ids.tolist() == sorted(set(raw))
    assert sorted(set(vocabulary.encode(raw).tolist())) == list(range(len(vocabulary)))


@given(ids, ids)
def test_what_was_not_fitted_is_unknown(fitted: list[str], asked: list[str]) -> None:
    vocabulary = Vocabulary.fit(fitted)
    for key, index in zip(asked, vocabulary.encode(asked).tolist(), strict=True):
        assert index == vocabulary.index(key)
        assert (index == UNKNOWN) == (key not in fitted) == (key not in vocabulary)


@given(ids, st.randoms())
def test_neither_order_nor_repeats_of_the_raw_ids_matter(raw: list[str], random) -> None:
    shuffled = raw * 2
    random.shuffle(shuffled)
    assert Vocabulary.fit(shuffled) == Vocabulary.fit(raw)


def test_an_id_with_nul_is_refused_not_merged_with_another() -> None:
    with pytest.raises(DataError, match=r"id 'a\\x00' holds a NUL character; clean the ids"):
        Vocabulary.fit(["a", "a\0"])
    with pytest.raises(DataError, match="NUL"):
        Vocabulary(np.array(["a", "b\0"], dtype=object))
    with pytest.raises(DataError, match="NUL"):
        Vocabulary.fit(["a"]).encode(["a\0"])


def test_an_id_longer_than_all_known_ones_is_unknown() -> None:
    assert Vocabulary.fit(["ab"]).encode(["abc", "ab"]).tolist() == [UNKNOWN, 0]


@pytest.mark.parametrize("wrong", [["b", "a"], ["a", "a"]])
def test_unsorted_or_repeated_ids_are_refused(wrong: list[str]) -> None:
    with pytest.raises(DataError, match="sorted column without repeats"):
        Vocabulary(np.array(wrong))


@pytest.mark.parametrize("index", [-1, 2])
def test_an_index_outside_is_refused(index: int) -> None:
    with pytest.raises(IndexError, match="outside 0 … 1"):
        Vocabulary.fit(["a", "b"]).decode([index])
