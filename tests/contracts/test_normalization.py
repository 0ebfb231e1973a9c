"""Every method of normalisation: fitted once, never moved, missing stays missing, and back again where it can be."""

import numpy as np
import pytest

from components.core.errors import BundleError, ConfigError
from components.features.normalization import FIT, Normalizer

METHODS = sorted(FIT)
HISTORY = np.array([3.0, 1.0, 2.0, np.nan, 2.0, 10.0, 4.0, 6.0, -1.0, np.inf])
KNOWN = HISTORY[np.isfinite(HISTORY)]


def fitted(method, history=HISTORY):
    return Normalizer.fit({"price": history, "other": history}, {"price": method})


@pytest.mark.parametrize("method", METHODS)
def test_it_is_fitted_on_the_history_alone_and_treats_each_value_by_itself(method):
    normalizer = fitted(method)
    asked = np.array([2.0, 5.0, 1e6, -1e6])
    together = normalizer.transform("price", asked)
    alone = [normalizer.transform("price", np.array([x]))[0] for x in asked]
    assert together.tolist() == alone  # what else is asked, a test window say, changes nothing
    assert np.array_equal(normalizer.transform("price", asked), together)


@pytest.mark.parametrize("method", METHODS)
def test_missing_stays_missing_and_infinity_counts_as_missing(method):
    out = fitted(method).transform("price", np.array([np.nan, np.inf, -np.inf, 2.0]))
    assert np.isnan(out).tolist() == [True, True, True, False]
    assert np.isnan(fitted(method).inverse("price", np.array([np.nan, 0.5]))).tolist() == [True, False]


@pytest.mark.parametrize("method", METHODS)
def test_order_is_kept_and_the_inverse_gives_the_history_back(method):
    normalizer = fitted(method)
    out = normalizer.transform("price", np.sort(KNOWN))
    assert (np.diff(out) >= 0).all()
    assert normalizer.inverse("price", normalizer.transform("price", KNOWN)) == pytest.approx(KNOWN)


@pytest.mark.parametrize("method", METHODS)
def test_a_constant_column_becomes_one_finite_value_and_comes_back(method):
    normalizer = fitted(method, np.full(5, 7.0))
    out = normalizer.transform("price", np.full(3, 7.0))
    assert np.isfinite(out).all()
    assert len(set(out.tolist())) == 1
    assert normalizer.inverse("price", out) == pytest.approx([7.0] * 3)


@pytest.mark.parametrize("method", ["min_max", "quantile"])
def test_what_lies_outside_the_history_stays_within_bounds(method):
    out = fitted(method).transform("price", np.array([-1e9, 1e9, *KNOWN]))
    assert (out >= 0).all()
    assert (out <= 1).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_column_without_any_known_value_says_nothing(method):
    normalizer = fitted(method, np.array([np.nan, np.nan]))
    out = normalizer.transform("price", np.array([np.nan, 3.0]))
    assert np.isnan(out[0])
    assert method == "log" or np.isnan(out[1])


def test_the_numbers_are_those_of_the_books():
    asked = np.array([4.0])
    columns = {"x": np.array([0.0, 2.0, 4.0, 6.0, 8.0])}

    def value(method):
        return Normalizer.fit(columns, {"x": method}).transform("x", asked)[0]

    assert value("min_max") == 0.5
    assert Normalizer.fit(columns, {"x": "z_score"}).transform("x", np.array([8.0]))[0] == pytest.approx(2**0.5)
    assert Normalizer.fit(columns, {"x": "robust"}).transform("x", np.array([8.0]))[0] == 1.0
    assert value("log") == pytest.approx(np.log(5))
    assert value("quantile") == 0.5


@pytest.mark.parametrize("method", METHODS)
def test_it_survives_the_disk_and_other_columns_pass(method, tmp_path):
    normalizer = fitted(method)
    normalizer.save(tmp_path / "n")
    back = Normalizer.load(tmp_path / "n")
    matrix = np.array([[2.0, 2.0], [np.nan, 5.0]], dtype=np.float32)
    out = back.apply(["price", "other"], matrix)
    assert np.array_equal(out, normalizer.apply(["price", "other"], matrix), equal_nan=True)
    assert out[:, 1].tolist() == [2.0, 5.0]
    assert matrix[0, 0] == 2.0
    assert back.digest == normalizer.digest
    assert Normalizer().apply(["price"], matrix) is matrix


def test_other_numbers_have_another_digest():
    digests = {fitted(method).digest for method in METHODS} | {fitted("min_max", KNOWN + 1).digest, Normalizer().digest}
    assert len(digests) == len(METHODS) + 2


def test_an_unknown_column_is_refused_and_so_is_an_altered_bundle(tmp_path):
    with pytest.raises(ConfigError, match="no feature column prize; known: other, price"):
        Normalizer.fit({"price": HISTORY, "other": HISTORY}, {"prize": "log"})
    fitted("robust").save(tmp_path / "n")
    file = tmp_path / "n" / "arrays.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(BundleError, match="altered"):
        Normalizer.load(tmp_path / "n")
