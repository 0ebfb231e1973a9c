"""Which source files a step depends on: its own, and every file of ours that it imports, directly or not.

Read off the syntax tree, so nothing is imported and nothing can be forgotten. Components that are looked up by name
(models, reducers, sources) are not in the imports; the table of steps names their files.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from components.core.registry import ROOT

if TYPE_CHECKING:
    from components.steps.table import Step

PACKAGE = "components"
PROJECT = ROOT.parent


def files_of(*modules: str) -> list[str]:
    """Sorted source paths, relative to the project, of modules of ours and of all they import."""
    seen: set[str] = set()
    waiting = list(modules)
    while waiting:
        file = _file(waiting.pop())
        if file is not None and file not in seen:
            seen.add(file)
            waiting += _imports(file)
    return sorted(seen)


def step_files(step: Step) -> list[str]:
    """Sorted source paths of all that a step runs, the components it finds by name included."""
    return files_of(step.module, *(module_name(file) for file in step.code))


def module_name(file: str) -> str:
    """Dotted name of a source file given by its path in the project."""
    return file.removesuffix(".py").replace("/", ".")


@cache
def _imports(file: str) -> tuple[str, ...]:
    """Dotted names that a file may import; `from a import b` gives both a and a.b."""
    names: list[str] = []
    for node in ast.walk(ast.parse((PROJECT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(name for name in names if name.split(".")[0] == PACKAGE)


def _file(module: str) -> str | None:
    """Path of a module; None for a package (ours hold a docstring only) or for a name inside a module."""
    path = Path(*module.split("."))
    return f"{path.as_posix()}.py" if (PROJECT / f"{path}.py").is_file() else None
