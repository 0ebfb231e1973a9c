"""What cleaning costs: CPU seconds per cleaner on the project's validated tables, against the same in bare DuckDB SQL.

    python -m tests.benchmarks.cleaning [project folder]

Needs artifacts/validated (`python -m components run validate`). Both sides read the same parquet files, write the same
sorted ones, and run in this order in one process, so that the ratio says something on a busy machine too.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from components.core import layout
from components.core.config import parse, read_params
from components.data import engine, parts, policy
from components.data.cleaner import Work

BY_HAND = """
create table lines as select distinct * from read_parquet('{validated}/interactions.parquet');
create table goods as select distinct * from read_parquet('{validated}/items.parquet');
create table people as select distinct * from read_parquet('{validated}/users.parquet');
create table offers as select distinct * from read_parquet('{validated}/promotions.parquet');
create table found as select * replace (case when quantity > {above} and item_id in
  (select item_id from goods where category in ({categories})) then 1 else quantity end as quantity) from lines;
insert into goods (item_id, title) select distinct item_id, 'Unlisted item ' || item_id from lines
  where item_id not in (select item_id from goods);
copy (select * from found order by all) to '{out}/interactions.parquet' (compression zstd);
copy (select columns(*)::varchar from goods order by all) to '{out}/items.parquet' (compression zstd);
copy (select * from people order by all) to '{out}/users.parquet' (compression zstd);
copy (select * from offers order by all) to '{out}/promotions.parquet' (compression zstd);
"""


def measured(work: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    started = time.process_time()
    work()
    return time.process_time() - started


def by_cleaner(root: Path, config: policy.CleanConfig, out: Path) -> dict[str, float]:
    """CPU seconds of each cleaner, and of writing."""
    con = config.engine.open()
    validated = root / layout.VALIDATED
    current = {name: parts.read_table(con, validated, name) for name in parts.table_names(validated)}
    work = Work(con.create_table, out, given={name: tuple(t.columns) for name, t in current.items()})
    seconds = {}

    def apply(cleaner: policy.Cleaner) -> None:
        current.update(cleaner.apply(current, work).tables)

    for cleaner in policy.chosen(config):
        seconds[cleaner.component()] = measured(lambda c=cleaner: apply(c))
    seconds["writing"] = measured(
        lambda: [engine.write_parquet(table, out / f"{name}.parquet") for name, table in current.items()]
    )
    con.disconnect()
    return seconds


def by_hand(root: Path, config: policy.CleanConfig, out: Path) -> float:
    """CPU seconds of the SQL."""
    options = config.cleaners["units"]
    words = ", ".join(f"'{name}'" for name in options["volume_categories"])
    sql = BY_HAND.format(
        validated=root / layout.VALIDATED, out=out, categories=words, above=options["volume_quantity_above"]
    )
    con = config.engine.open()
    seconds = measured(lambda: con.con.execute(sql))
    con.disconnect()
    return seconds


def _import_engine() -> None:
    """The first expression imports a good second of code, which is not what is measured."""
    import ibis

    con = engine.connect()
    con.create_table("one", ibis.memtable({"a": [1.0]}).mutate(b=ibis._.a.sum()))
    con.disconnect()


def main() -> None:
    """Print the table."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    params = read_params(Path("params.yaml"))
    config = parse(policy.CleanConfig, params["clean"] | {"engine": params["engine"]}, "clean")
    _import_engine()
    with tempfile.TemporaryDirectory() as folder:
        warm = by_hand(root, config, Path(folder))
        cleaners, hand = by_cleaner(root, config, Path(folder)), by_hand(root, config, Path(folder))
    for name, seconds in cleaners.items():
        print(f"{name:14} {seconds:6.2f} CPU s")
    print(f"{'all':14} {sum(cleaners.values()):6.2f} CPU s, bare SQL {hand:.2f} (first time {warm:.2f})")
    print(f"ratio {sum(cleaners.values()) / hand:.2f}")


if __name__ == "__main__":
    main()
