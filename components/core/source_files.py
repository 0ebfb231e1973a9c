"""Which source files of ours a module depends on: its own, and every file that it imports, directly or not.

Read off the syntax tree, so nothing is imported and nothing can be forgotten. Components that are looked up by name
(models, reducers, sources) are not in the imports; who needs them names their files.
"""

from __future__ import annotations

import ast
import hashlib
import json
from functools import cache
from pathlib import Path

from components.core.bundle import sha256
from components.core.registry import ROOT

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


def digest_of(files: list[str]) -> str:
    """One sha256 for source files, as `files_of` gives them, and their names."""
    digests = {name: sha256(PROJECT / name) for name in files}
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


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
