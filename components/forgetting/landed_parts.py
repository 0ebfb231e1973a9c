"""Raw rows that validate keeps beside the data: landed files whose columns have the shop's own names."""

from __future__ import annotations

from pathlib import Path

from components.core import layout
from components.data.landing.piece import ORIGINAL
from components.forgetting.person import Person
from components.forgetting.rewriting import BATCH_ROWS, named
from components.quality.part_store import LANDED


def landed_with(root: Path, person: Person) -> set[str]:
    """Parts of the store (relative to the project) in which any column of any row names the person."""
    parts = sorted((root / layout.PARTS / LANDED).glob("*"))
    return {str(part.relative_to(root)) for part in parts if any(_names(f, person) for f in part.glob("*.parquet"))}


def _names(file: Path, person: Person) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS):
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name == ORIGINAL:
                if any(person.is_in_text(str(text or "").encode(errors="replace")) for text in column.to_pylist()):
                    return True
            elif not pa.types.is_nested(column.type) and pc.any(named(column, person.names)).as_py():
                return True
    return False
