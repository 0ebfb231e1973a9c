"""Config: what a person reads when a parameter is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field, ValidationError

from components.core.config import Config, parse, read_params
from components.core.errors import ConfigError


class Inner(Config):
    depth: int = Field(default=2, ge=1)


class Outer(Config):
    rate: float = Field(gt=0, le=1)
    inner: Inner = Inner()
    parts: tuple[Inner, ...] | None = None


def test_values_are_typed_and_defaults_filled_in() -> None:
    assert parse(Outer, {"rate": 1}, "here") == Outer(rate=1.0, inner=Inner(depth=2))


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Inner().depth = 3


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"rate": 2}, "here: 'rate': Input should be less than or equal to 1, found 2."),
        ({}, "here: 'rate': Field required."),
        (
            {"rate": 1, "inner": {"depth": 0}},
            "here: 'inner.depth': Input should be greater than or equal to 1, found 0.",
        ),
        ({"rate": 1, "rat": 1}, "here: unknown parameter 'rat'; did you mean 'rate'?"),
        ({"rate": 1, "zzz": 1}, "here: unknown parameter 'zzz'; known: inner, parts, rate."),
        ({"rate": 1, "inner": {"dept": 0}}, "here: unknown parameter 'inner.dept'; did you mean 'depth'?"),
        ({"rate": 1, "parts": [{"dept": 0}]}, "here: unknown parameter 'parts.0.dept'; did you mean 'depth'?"),
        ({"rat": 1}, "here: unknown parameter 'rat'; did you mean 'rate'?"),
    ],
)
def test_a_wrong_value_is_told_in_one_sentence(values: dict, sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(Outer, values, "here")
    assert str(error.value) == sentence


def test_several_wrong_values_are_all_told() -> None:
    with pytest.raises(ConfigError) as error:
        parse(Outer, {"rate": 2, "inner": {"depth": 0}}, "here")
    assert len(str(error.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "no such file"),
        ("a: [", "cannot be read as YAML: line 1, column 5: "),
        ("- a", "found list"),
        ("", "found None"),
    ],
)
def test_a_parameter_file_that_cannot_be_used_says_why(tmp_path: Path, text: str | None, words: str) -> None:
    if text is not None:
        (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(ConfigError, match=words):
        read_params(tmp_path / "params.yaml")


def test_a_parameter_file_is_read_as_sections(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("seed: 1\nsplit: {test_share: 0.1}\n")
    assert read_params(tmp_path / "params.yaml") == {"seed": 1, "split": {"test_share": 0.1}}
