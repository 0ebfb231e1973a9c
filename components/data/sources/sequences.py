"""Bare sequences: `user item item …` per line, in the order of time; no times, no prices.

The form in which benchmark data are often published. A line is a user's whole sequence: where one user has two lines,
nobody knows which came first, and the rule `one_line_per_user` tells of it. Times are made up, one day apart for each
user, so that the order is kept (one second behind the first 18,000, so that none lies in the years that are refused);
`has_times` says so, and a split by calendar time refuses them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from components.core import schema
from components.core.config import Config
from components.core.errors import DataError
from components.data import raw_files
from components.data.landing import FileFormat, Limits
from components.data.mapped_source import MappedSource, Part, RawTable
from components.data.mapping.events import EventRule, EventType
from components.data.mapping.table_mapping import TableMapping
from components.data.mapping.times import UNIX_S, TimeFormat

if TYPE_CHECKING:
    from ibis import Table
    from ibis.backends.duckdb import Backend

SEQUENCES, ATTRIBUTES = "sequences", "item_attributes"
FIRST_DAY = 946_684_800  # 2000-01-01, in seconds since 1970
DAY = 86_400
DAYS = 18_000  # until 2049; times from 2050 on are taken for faults
MADE_UP = "made_up_time"
LARGEST_MB = 512  # of the attribute file, which is read whole


class SequencesConfig(Config):
    """Where the sequences are.

    files            lines of a user's id and the ids of items
    item_attributes  JSON file: item id → list of attribute ids; None: none
    event_type       what each item of a sequence stands for
    delimiter        between ids; None: white space
    """

    files: tuple[str, ...] | str
    item_attributes: str | None = None
    event_type: EventType = "purchase"
    delimiter: str | None = Field(None, min_length=1, max_length=4)
    limits: Limits = Limits()


class Sequences(MappedSource):
    """Users' items in order, and perhaps attributes of the items."""

    Config = SequencesConfig
    local_time_zone = "UTC"
    currency = ""
    has_times = False
    pseudonymous = True

    def raw_tables(self) -> dict[str, RawTable]:
        """One: the sequences; the attributes are no table as they stand."""
        files = self.config.files
        form = FileFormat(format="sequences", delimiter=self.config.delimiter)
        return {SEQUENCES: RawTable((files,) if isinstance(files, str) else files, form)}

    def ingest(self, destination: Path) -> None:
        """Copy the sequences, and the attributes where they are named."""
        super().ingest(destination)
        if self.config.item_attributes:
            found = raw_files.find([self.config.item_attributes], "sequences: item_attributes")
            raw_files.copy([(file, f"{ATTRIBUTES}.json") for file, _ in found], Path(destination) / ATTRIBUTES)

    def by_file(self) -> tuple[str, ...]:
        """The interactions: a line is a user's whole sequence, wherever it stands."""
        return (schema.INTERACTIONS_TABLE,)

    def land_beside(self, folder: Path, work: Path) -> None:
        """Land the attributes as one row per item."""
        file = Path(folder) / ATTRIBUTES / f"{ATTRIBUTES}.json"
        if self.config.item_attributes:
            _land_attributes(file, Path(work) / f"{ATTRIBUTES}.parquet", self.config.item_attributes)

    def tables(self, con: Backend, folder: Path) -> dict[str, Table]:
        """Interactions; items with their attributes, those without any among them."""
        from components.data import engine

        tables = super().tables(con, folder)
        file = Path(folder) / f"{ATTRIBUTES}.parquet"
        if self.config.item_attributes and file.is_file():
            items = tables[schema.ITEMS_TABLE].left_join(engine.read_parquet(con, file), schema.ITEM_ID)
            tables[schema.ITEMS_TABLE] = items.select(schema.ITEM_ID, schema.ATTRIBUTES)
        return tables

    def parts(self, raw: dict[str, Table]) -> list[Part]:
        """One event per place in a sequence."""
        import ibis

        place = raw[SEQUENCES][schema.POSITION]
        behind = FIRST_DAY + DAYS * DAY + (place - DAYS)
        made_up = ibis.ifelse(place < DAYS, FIRST_DAY + place * DAY, behind)
        rows = raw[SEQUENCES].mutate(**{MADE_UP: made_up})
        mapping = TableMapping(
            columns={schema.USER_ID: schema.USER_ID, schema.ITEM_ID: schema.ITEM_ID, schema.TIMESTAMP: MADE_UP},
            events=(EventRule(type=self.config.event_type),),
            time=TimeFormat(format=UNIX_S),
        )
        return [Part(SEQUENCES, schema.INTERACTIONS_TABLE, mapping, rows=rows)]


def read_attributes(file: Path, label: str) -> dict[str, str]:
    """Item id → its attributes as JSON; DataError with file, place and remedy where it is no such file.

    label  how messages call the file
    """
    if not file.is_file() or file.stat().st_size > LARGEST_MB * 2**20:
        raise DataError(f"{label}: is missing, or larger than {LARGEST_MB} MB; give a smaller one, or none.")
    wanted = "not a JSON object of item id → list of attribute ids"
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as e:
        raise DataError(f"{label}: {wanted} ({e}); correct it there, or take the file away.") from None
    odd = (
        [f"item '{item}' has {json.dumps(ids)[:60]}" for item, ids in content.items() if not isinstance(ids, list)]
        if isinstance(content, dict)
        else [f"it is a JSON {type(content).__name__}"]
    )
    if odd:
        raise DataError(f"{label}: {wanted} ({odd[0]}); correct it there, or take the file away.")
    return {item: json.dumps({ATTRIBUTES: " ".join(map(str, ids))}) for item, ids in content.items()}


def _land_attributes(file: Path, target: Path, label: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = read_attributes(file, label)
    columns = {schema.ITEM_ID: list(rows), schema.ATTRIBUTES: list(rows.values())}
    pq.write_table(pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()}), target)
