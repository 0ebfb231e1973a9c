"""Typed, frozen configuration; unknown keys and values out of range are refused in plain English."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from components.core.errors import ConfigError

PARAMS_FILE = "params.yaml"


class Config(BaseModel):
    """Base of every component's configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path}: cannot be read as YAML: {e}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected a mapping of sections, found {type(content).__name__}.")
    return content


def parse(cls: type[C], values: dict[str, Any] | None, where: str) -> C:
    """Validate `values` as `cls`, or as its variant; `where` names the section, e.g. "params.yaml: split"."""
    cls = cls.variant(values or {})
    try:
        return cls.model_validate(values or {})
    except ValidationError as e:
        raise ConfigError("\n".join(_sentence(cls, where, error) for error in e.errors())) from None


def _sentence(cls: type[Config], where: str, error: dict[str, Any]) -> str:
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        near = get_close_matches(name, list(cls.model_fields), n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(sorted(cls.model_fields)) or 'none'}."
        return f"{where}: unknown parameter '{name}'; {hint}"
    found = "" if error["type"] == "missing" else f", found {error['input']!r}"
    return f"{where}: '{name}': {error['msg']}{found}."
