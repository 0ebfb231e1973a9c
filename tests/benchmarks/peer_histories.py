"""A benchmark's folds for libraries of other environments: `python -m tests.benchmarks.peer_histories --data FILE`.

Writes for each fold <out>/<fold>.history.parquet (user_id, item_id, place; place 0 is a user's oldest event),
<fold>.asked.parquet (user_id) and, of the validation fold alone, validation.relevant.parquet (user_id, item_id): what
is to be foretold in the test fold is not told. `tests/benchmarks/other_peers.py` reads them.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.benchmark import material as materials
from components.benchmark.lists import write_relevant
from components.benchmark.protocols import DENSITY_OPTIONS, Question, prepare, question, splitter
from components.core import layout
from components.core.ranking import NEW
from components.core.schema import ITEM_ID, USER_ID

PLACE = "place"


def write_fold(asked: Question, out: Path) -> None:
    """The histories that may be fitted on, and who is asked."""
    histories = asked.data.histories
    columns = {
        USER_ID: asked.data.users.ids[histories.rows].tolist(),
        ITEM_ID: asked.data.items.ids[histories.items].tolist(),
        PLACE: pa.array((np.arange(len(histories.items)) - histories.indptr[histories.rows]).astype(np.int32)),
    }
    pq.write_table(pa.table(columns), out / f"{asked.name}.history.parquet", compression="zstd")
    pq.write_table(pa.table({USER_ID: asked.task.user_ids.tolist()}), out / f"{asked.name}.asked.parquet")


@click.command()
@click.option("--data", "path", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--protocol", default="leave-last-out", show_default=True)
@click.option("--min-users-per-item", type=click.IntRange(1))
@click.option("--min-items-per-user", type=click.IntRange(1))
@click.option("--out", default="peer_histories", show_default=True, type=click.Path(path_type=Path))
def main(path: Path, protocol: str, out: Path, **density: int | None) -> None:
    """Write both folds."""
    material = materials.recognise(path)
    given = {name: density[name] for name in DENSITY_OPTIONS if density[name] is not None}
    folder = prepare(material, splitter(protocol, material, given), out / ".work")
    for fold in layout.FOLDS:
        write_fold(question(folder, fold), out)
    known = question(folder, layout.VALIDATION_FOLD)
    to_foretell = out / f"{known.name}.relevant.parquet"
    write_relevant(to_foretell, known.task.relevant[NEW], known.task.user_ids, known.data.items)


if __name__ == "__main__":
    main()
