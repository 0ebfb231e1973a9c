"""Typed, frozen configuration; unknown keys and values out of range are refused in plain English."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from components.core.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.core.space import Parameter

PARAMS_FILE = "params.yaml"
PLAIN = {  # where the checker speaks of Python
    "dict_type": "should be a mapping, `name: value`",
    "model_type": "should be a mapping, `name: value`",
    "tuple_type": "should be a list",
    "list_type": "should be a list",
}
CONSEQUENCES = ("missing", "too_short")  # what an unknown name nearby explains


class Config(BaseModel):
    """Base of every component's configuration; `space` says what a search of options may try (core/space.py)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    space: ClassVar[Mapping[str, Parameter]] = {}

    @classmethod
    def variant(cls, values: Any) -> type[Config]:  # noqa: ARG003 - for those that have several
        """The class that reads these values: itself, unless a section has several forms and a value names one."""
        return cls


C = TypeVar("C", bound=Config)


def read_params(path: Path | str = PARAMS_FILE) -> dict[str, Any]:
    """The whole parameter file as a dictionary.

    Raises ConfigError if the file is missing, not YAML, or not a mapping.
    """
    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; run from the project's folder.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: cannot be read as YAML: it is not text in UTF-8.") from None
    except yaml.YAMLError as e:
        raise ConfigError(f"{path}: cannot be read as YAML{_place(e)}; correct it there, or just above.") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected a mapping of sections, found {type(content).__name__}.")
    return content


def parse(cls: type[C], values: dict[str, Any] | None, where: str) -> C:
    """Validate `values` as `cls`, or as its variant; `where` names the section, e.g. "params.yaml: split"."""
    cls = cls.variant(values or {})
    try:
        return cls.model_validate(values or {})
    except ValidationError as e:
        errors = e.errors()
        unknown = {error["loc"][:-1] for error in errors if error["type"] == "extra_forbidden"}
        told = [error for error in errors if not (_follows(error, unknown) or _holds_another(error, errors))]
        raise ConfigError("\n".join(_sentence(cls, where, error) for error in told)) from None


def _follows(error: dict[str, Any], unknown: set[tuple]) -> bool:
    """Whether it is a consequence of an unknown name in the same place, or below: what that should have given lacks."""
    if error["type"] not in CONSEQUENCES:
        return False
    place = error["loc"][:-1] if error["type"] == "missing" else error["loc"]
    return any(there[: len(place)] == place for there in unknown if there or error["type"] == "missing")


def _holds_another(error: dict[str, Any], errors: list[dict[str, Any]]) -> bool:
    """Whether a list is too short only because what stands in it is wrong; that is told."""
    place = error["loc"]
    return error["type"] == "too_short" and any(e["loc"][: len(place)] == place and e is not error for e in errors)


def _place(error: yaml.YAMLError) -> str:
    """What the parser met, and where: `: line 3, column 5: …`."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return ""
    return f": line {mark.line + 1}, column {mark.column + 1}: {error.problem or 'it cannot go on'}"


def _siblings(cls: type[Config], place: tuple) -> list[str]:
    """The parameters that are known in a place of a configuration; none where that is no configuration."""
    found: Any = cls
    for part in place:
        if isinstance(found, type) and issubclass(found, BaseModel) and part in found.model_fields:
            found = found.model_fields[part].annotation
        inner = _config_in(found)
        found = inner if inner is not None else found
    return list(found.model_fields) if isinstance(found, type) and issubclass(found, BaseModel) else []


def _config_in(annotation: Any) -> type[BaseModel] | None:
    """The one configuration in `tuple[C, ...]`, `dict[str, C]` or `C | None`; None if there is none, or several."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = {inner for part in get_args(annotation) if (inner := _config_in(part)) is not None}
    return found.pop() if len(found) == 1 else None


def _sentence(cls: type[Config], where: str, error: dict[str, Any]) -> str:
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        known = sorted(_siblings(cls, error["loc"][:-1]))
        return f"{where}: unknown parameter '{name}'; {did_you_mean(str(error['loc'][-1]), known)}"
    found = "" if error["type"] == "missing" else f", found {error['input']!r}"
    said = PLAIN.get(error["type"], error["msg"])
    return f"{where}: '{name}': {said}{found}." if name else f"{where}: {said}{found}."
