"""Copies of data/ that killed runs left beside it: nothing reads them, and whoever was in the data is in them.

`use` and `ingest` fill a folder `.data.<random>` and exchange it for data/ at one stroke (core/bundle.py: `replacing`).
Killed, they leave it behind. Copies on their way in from `snapshot add` are another matter (data/under_way.py): those
are completed first.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from components.core import layout
from components.core.errors import DataError
from components.forgetting.trace import COPY, Trace

AREA = "data"


def find_leftovers(root: Path) -> list[Trace]:
    """Every such copy, as a whole: what is in it was never checked, so nobody is sought there.

    Raises DataError if data/ itself is gone: then one of them holds the only copy.
    """
    folders = sorted(path for path in root.glob(f".{layout.DATA.name}.*") if path.is_dir() and not path.is_symlink())
    if folders and not (root / layout.DATA).is_dir():
        names = ", ".join(path.name for path in folders)
        raise DataError(
            f"forget: {layout.DATA}/ is gone, and a killed run left {names}: one of them may hold the only copy. Put "
            f"the right one in the place of {layout.DATA}/ (of `.data.old.…` its folder `was`), or bring the data in "
            "again, and run this again."
        )
    return [Trace(AREA, f"{path.name}/", COPY, remove=partial(shutil.rmtree, path)) for path in folders]
