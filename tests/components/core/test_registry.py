"""Registry: names are files, classes are imported when asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from components.core.errors import ConfigError
from components.core.model import Model
from components.core.registry import MODELS, ROOT


def test_every_registered_model_is_a_model_named_by_its_file() -> None:
    for name in MODELS.names():
        cls = MODELS.get(name)
        assert issubclass(cls, Model) and cls.component() == name
        assert (ROOT.parent / MODELS.file(name)).is_file()


def test_files_with_an_underscore_are_not_components() -> None:
    assert not [name for name in MODELS.names() if name.startswith("_")]


def test_an_unknown_name_is_told_the_nearest_or_all_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"unknown model 'eaze'; did you mean 'ease'\?"):
        MODELS.get("eaze")
    with pytest.raises(ConfigError, match=r"unknown model 'x'; known: als, .*ease, "):
        MODELS.get("x")


def test_asking_for_one_model_imports_no_heavy_library() -> None:
    code = "import sys; from components.core.registry import MODELS; MODELS.names(); MODELS.get('item_knn');"
    code += "print([m for m in ('implicit', 'keras', 'tensorflow', 'sklearn', 'pandas') if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(ROOT).parent, check=True, capture_output=True, text=True
    )
    assert run.stdout.strip() == "[]"
