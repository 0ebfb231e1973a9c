"""Bundles: what was written comes back, and nothing else does."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from components.core import bundle
from components.core.errors import BundleError
from components.core.vocabulary import Vocabulary

named_arrays = st.dictionaries(
    st.text("abc._", min_size=1, max_size=6),
    st.one_of(
        arrays(np.float32, array_shapes(min_side=0, max_side=4), elements=st.floats(width=32, allow_nan=False)),
        arrays(np.int64, array_shapes(min_side=0, max_side=4)),
    ),
    max_size=3,
)
one_folder_for_all_examples = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A small bundle with every kind of file."""
    path = tmp_path / "b"
    bundle.write(path, {"kind": "x"}, arrays={"a": np.arange(5)}, vocabularies={"items": Vocabulary.fit(["ä", "b"])})
    return path


@one_folder_for_all_examples
@given(named_arrays)
def test_arrays_come_back_as_written(tmp_path: Path, named: dict[str, np.ndarray]) -> None:
    bundle.write(tmp_path / "b", {"kind": "x"}, arrays=named)
    back = bundle.read(tmp_path / "b").arrays
    assert set(back) == set(named)
    for name, array in named.items():
        assert back[name].dtype == array.dtype and np.array_equal(back[name], array)


@one_folder_for_all_examples
@given(st.data())
def test_any_altered_byte_of_any_file_is_refused(written: Path, data: st.DataObject) -> None:
    file = written / data.draw(st.sampled_from([bundle.META, bundle.ARRAYS, f"items{bundle.VOCABULARY_SUFFIX}"]))
    good = file.read_bytes()
    at = data.draw(st.integers(0, len(good) - 1))
    file.write_bytes(good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :])
    with pytest.raises(BundleError, match="was altered"):
        bundle.read(written)
    file.write_bytes(good)


@one_folder_for_all_examples
@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2), elements=st.sampled_from([0.0, 0.0, 1.0, -2.5])))
def test_a_sparse_matrix_comes_back_from_its_arrays(dense: np.ndarray) -> None:
    back = bundle.unpack_csr("m", bundle.pack_csr("m", sp.csr_matrix(dense)))
    assert np.array_equal(back.toarray(), dense)


def test_vocabulary_meta_and_provenance_come_back(tmp_path: Path) -> None:
    items = Vocabulary.fit(["ä", "b"])
    bundle.write(tmp_path / "b", {"kind": "x"}, vocabularies={"items": items}, provenance={"seed": 1})
    content = bundle.read(tmp_path / "b")
    assert (content.meta, content.provenance, content.vocabularies) == ({"kind": "x"}, {"seed": 1}, {"items": items})


def test_a_missing_and_an_extra_file_are_named(written: Path) -> None:
    (written / "extra.txt").write_text("x")
    with pytest.raises(BundleError, match=r"extra\.txt is not in the manifest"):
        bundle.verify(written)
    (written / "extra.txt").unlink()
    (written / bundle.ARRAYS).unlink()
    with pytest.raises(BundleError, match=r"arrays\.safetensors is missing"):
        bundle.verify(written)


def test_a_bundle_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no such file; the step that makes it has not run"):
        bundle.read(tmp_path / "nothing")


def test_the_digest_stands_for_the_content_and_not_for_its_provenance(tmp_path: Path) -> None:
    for name, meta, seed in (("a", "x", 1), ("b", "x", 2), ("c", "y", 1)):
        bundle.write(tmp_path / name, {"kind": meta}, provenance={"seed": seed})
    a, b, c = (bundle.digest(tmp_path / name) for name in "abc")
    assert a == b != c


@pytest.mark.parametrize("altered", [{"seed": 2}, {}, {"seed": 1, "data_digest": "a lie"}])
def test_an_altered_provenance_is_refused(tmp_path: Path, altered: dict[str, object]) -> None:
    bundle.write(tmp_path / "b", {"kind": "x"}, provenance={"seed": 1})
    manifest = bundle.read_json(tmp_path / "b" / bundle.MANIFEST)
    bundle.write_json(tmp_path / "b" / bundle.MANIFEST, manifest | {"provenance": altered})
    with pytest.raises(BundleError, match="provenance was altered"):
        bundle.read(tmp_path / "b")


def test_a_manifest_that_does_not_vouch_for_its_provenance_is_refused(written: Path) -> None:
    manifest = bundle.read_json(written / bundle.MANIFEST)
    del manifest[bundle.PROVENANCE_DIGEST]
    bundle.write_json(written / bundle.MANIFEST, manifest)
    with pytest.raises(BundleError, match="not a manifest"):
        bundle.read(written)


def test_a_failed_write_leaves_the_old_folder_and_no_rest(written: Path) -> None:
    before = bundle.digest(written)
    with pytest.raises(FileNotFoundError), bundle.replacing(written) as fresh:
        (fresh / "half").write_text((fresh / "missing").read_text())
    assert bundle.digest(written) == before
    assert [p.name for p in written.parent.iterdir()] == ["b"]


@pytest.mark.parametrize("failing", [1, 2], ids=["moving the old one away", "moving the new one in"])
def test_an_exchange_that_fails_half_way_leaves_the_old_folder_and_no_rest(
    written: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    before, replace, calls = bundle.digest(written), os.replace, []

    def refuse_one(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) == failing:
            raise PermissionError("refused")
        replace(source, target)

    with pytest.raises(PermissionError), bundle.replacing(written):
        monkeypatch.setattr(os, "replace", refuse_one)
    assert bundle.digest(written) == before
    assert [p.name for p in written.parent.iterdir()] == ["b"]


def test_a_second_write_replaces_all_of_the_first(written: Path) -> None:
    bundle.write(written, {"kind": "y"})
    assert bundle.read(written).vocabularies == {} and bundle.read(written).meta == {"kind": "y"}
    assert [p.name for p in written.parent.iterdir()] == ["b"]


def test_json_refuses_what_json_cannot_say(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        bundle.write_json(tmp_path / "x.json", {"a": float("nan")})
    assert list(tmp_path.iterdir()) == []
