"""Which source files a step depends on: its own, and every file of ours that it imports, directly or not.

Components that are looked up by name are not in the imports; the table of steps names their files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.core.source_files import files_of, module_name

if TYPE_CHECKING:
    from components.steps.table import Step


def step_files(step: Step) -> list[str]:
    """Sorted source paths of all that a step runs, the components it finds by name included."""
    return files_of(step.module, *(module_name(file) for file in step.code))
