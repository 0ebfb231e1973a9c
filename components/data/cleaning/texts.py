"""Texts: the words of items, users and queries as they were meant.

Use it always: exports read in the wrong encoding, HTML entities from web shops, byte order marks and control characters
make equal words different, and readers laugh. Repaired are UTF-8 read as a one-byte encoding or as GBK, GBK read as
Latin-1 or Windows-1252, entities, marks, controls, Unicode forms and spaces (components/data/text_repair.py). What was
lost in decoding stays lost and is counted. Ids, media paths and the JSON of attributes are left as they are.
Cost: the engine looks for texts that could need it; only these go through Python, each distinct one once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from components.core import schema
from components.core.config import Config
from components.core.progress import track
from components.data import text_repair
from components.data.cleaner import Cleaned, Cleaner, Effect, Work

if TYPE_CHECKING:
    from ibis import Table

COLUMNS = {
    schema.ITEMS_TABLE: (
        schema.TITLE,
        schema.DEPARTMENT,
        schema.CATEGORY,
        schema.SUBCATEGORY,
        schema.BRAND,
        schema.PACKAGE_SIZE,
        schema.DESCRIPTION,
    ),
    schema.USERS_TABLE: tuple(c for c in schema.USERS if c not in (schema.USER_ID, schema.ATTRIBUTES)),
    schema.QUERIES_TABLE: (schema.TEXT,),
}
# Plain ASCII without an entity needs no repair but of its spaces. The syntax is what RE2 and Java share.
SUSPICIOUS = "[^ -~]|&[#A-Za-z0-9]+;"
SPACY = r"^\s|\s$|\s\s"
OLD, NEW = "text_old", "text_new"
EXAMPLES = 12
WORDS = {
    "encoding": "texts repaired: read in the wrong encoding",
    "entities": "texts repaired: HTML entities",
    "marks": "texts repaired: byte order marks, zero-width spaces",
    "controls": "texts repaired: control characters",
    "unicode": "texts repaired: Unicode form",
    "spaces": "texts repaired: white space",
    "lossy": "texts left as they are: characters were lost before they came here (U+FFFD)",
}


class TextsConfig(Config):
    """Which repairs are made."""

    encoding: bool = True
    entities: bool = Field(True, description="&amp; → &")
    marks: bool = Field(True, description="byte order marks and zero-width spaces are dropped")
    controls: bool = Field(True, description="control characters are dropped")
    unicode: Literal["NFC", "NFKC"] | None = Field("NFC", description="NFKC also makes full-width letters plain ones")
    collapse_spaces: bool = Field(True, description="runs of white space become one space, none at the ends")


class Texts(Cleaner):
    """Readable words."""

    Config = TextsConfig
    version = 1
    default = True

    def apply(self, tables: Mapping[str, Table], work: Work) -> Cleaned:
        """Items, users and queries with repaired texts."""
        repaired, effects, examples = {}, [], []
        for name in COLUMNS:
            if name in tables:
                table, counts, seen = self._table(name, tables[name], work)
                repaired[name] = table
                effects += [Effect(name, f"texts_{kind}", n, WORDS[kind]) for kind, n in counts.items()]
                examples += seen
        return Cleaned(repaired, tuple(effects), tuple(examples[:EXAMPLES]))

    def _table(self, name: str, table: Table, work: Work):
        """The repaired table, values by kind of repair, and examples (column, before, after)."""
        counts: Counter[str] = Counter()
        examples, changes = [], {}
        for column in COLUMNS[name]:
            if column not in work.given.get(name, ()):
                continue
            found = self._suspicious(table, column)
            fixed = {text: self.repaired(text) for text in track(list(found), f"clean: texts of {column}")}
            for text, (_, kinds) in fixed.items():
                counts.update(dict.fromkeys(kinds, found[text]))
            changes[column] = {old: new for old, (new, _) in fixed.items() if new != old}
            examples += [(f"{name}.{column}", old, new) for old, new in list(changes[column].items())[:EXAMPLES]]
        return replaced(table, changes), counts, examples

    def _suspicious(self, table: Table, column: str) -> dict[str, int]:
        """Texts that may need a repair, with their number of rows, in the order of the texts."""
        pattern = f"{SUSPICIOUS}|{SPACY}" if self.config.collapse_spaces else SUSPICIOUS
        some = table.filter(table[column].re_search(pattern))
        counted = some.group_by(column).agg(n=some.count()).to_pyarrow().to_pylist()
        return {row[column]: row["n"] for row in sorted(counted, key=lambda row: row[column])}

    def repaired(self, text: str) -> tuple[str, list[str]]:
        """The repaired text, and the kinds of repair that changed it."""
        kinds = []
        for kind, repair in self._repairs():
            fixed = repair(text)
            if fixed != text:
                kinds.append(kind)
                text = fixed
        return text, kinds + (["lossy"] if text_repair.is_lossy(text) else [])

    def _repairs(self) -> Iterable[tuple[str, text_repair.Repair]]:
        """In this order: an entity may hide a mark, and wrong decoding hides everything."""
        c = self.config
        steps = (
            ("encoding", c.encoding, text_repair.fix_encoding),
            ("entities", c.entities, text_repair.fix_entities),
            ("marks", c.marks, text_repair.drop_byte_order_marks),
            ("controls", c.controls, text_repair.drop_controls),
            ("unicode", c.unicode is not None, text_repair.normalise(c.unicode or "NFC")),
            ("spaces", c.collapse_spaces, text_repair.collapse_spaces),
        )
        return [(kind, repair) for kind, on, repair in steps if on]


def replaced(table: Table, changes: Mapping[str, Mapping[str, str]]) -> Table:
    """The table with some texts in place of others, by column."""
    import ibis

    columns = table.columns
    for column, new in changes.items():
        if new:
            pairs = ibis.memtable({OLD: list(new), NEW: list(new.values())}, schema={OLD: "string", NEW: "string"})
            joined = table.left_join(pairs, table[column] == pairs[OLD])
            table = joined.mutate(**{column: joined[NEW].coalesce(joined[column])}).select(*columns)
    return table
