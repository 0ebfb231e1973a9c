"""docs/hostile-files.md, from the tables of hostile files and values: `python -m tests.data.hostile.page --write`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from components.core.bundle import write_text
from tests.data.hostile import bytes as hostile_bytes
from tests.data.hostile import circumstances
from tests.data.hostile import text as hostile_text
from tests.data.hostile.case import ACCEPTED, QUARANTINED, REFUSED
from tests.data.hostile.clean import SHAPES
from tests.data.hostile.values import VALUES

PAGE = Path(__file__).parents[3] / "docs" / "hostile-files.md"
CASES = [*hostile_bytes.CASES, *hostile_text.CASES, *circumstances.CASES]
HEAD = """# Hostile files and what becomes of them

Made by `python -m tests.data.hostile.page --write` from the tables that tests/data/test_hostile_files.py and
test_hostile_values.py run (whole tables: test_hostile_end_to_end.py, test_absent_columns.py); a test holds this page to
them. Every file gets one verdict:

- **refused**: nothing is written; the message says what, where and what to do.
- **rows rejected**: lines that are no rows stand in `<table>.rejected.parquet`, each with its file, line, original and
  reason; the others are landed.
- **landed with a remark**: all rows are there; the report says what a person should know.
- **rows quarantined**: the row is landed, but a value of it cannot be what the column means; validate sets it aside
  with the words below.
- **accepted**: all is there, exactly as written, and nothing is said.

For every file: lines = header + rows + further lines of fields with newlines + rejected + blank.
"""


@dataclass(frozen=True)
class TableCase:
    """A hostile table, which no single row gives away, and the test that takes it through validate and clean."""

    name: str
    what: str
    verdict: str
    words: str
    test: str


TABLES = (
    TableCase("everything unsorted", "the rows in any order", ACCEPTED, "",
              "test_everything_unsorted_gives_the_same_bytes"),
    TableCase("half the file duplicated", "every second row stands there twice", "warned, dropped, counted",
              "interactions_duplicates", "test_half_the_file_duplicated_is_told_of_and_counted_once"),
    TableCase("one user with half the events", "a till or a robot among people, under the default params", "warned",
              "no user holds 50% or more of the events",
              "test_one_user_with_half_the_events_is_told_of_and_a_robot_goes_where_params_say_so"),
    TableCase("a robot, its rate declared", "events faster than any person's", "dropped, counted",
              "interactions_of_bots, where clean.cleaners.bots is set",
              "test_one_user_with_half_the_events_is_told_of_and_a_robot_goes_where_params_say_so"),
    TableCase("prices in cents among units", "some rows tell their price in cents", "dropped, clipped or counted",
              "where clean.cleaners.outliers declares a fence",
              "test_prices_in_cents_among_units_are_counted_where_a_fence_is_declared"),
    TableCase("prices in cents, no fence declared", "the same under the default params", "warned",
              "no line's unit price is 50 to 200 times the median of its item",
              "test_prices_in_cents_among_units_are_told_of_without_a_fence"),
    TableCase("dates of next year, the day declared", "validate.freshness.now is in params", QUARANTINED,
              "the row lies in the future", "test_dates_of_next_year_are_set_aside_where_params_give_the_day"),
    TableCase("dates of next year, no day declared", "one event far from all others",
              "warned; a split by time stops where it leaves a window next to empty",
              "no few events lie more than 90 days from the others",
              "test_a_date_of_next_year_is_told_of_where_params_give_no_day"),
    TableCase("a missing column", "a column that the mapping names is not there", REFUSED,
              "column 'customer' is not there; found", "test_a_missing_column_is_refused_with_the_columns_there_are"),
    TableCase("one file of several lacks a mapped column", "newer days say 'usr' where the mapping says 'user'",
              REFUSED, "column 'user' is not there, but in other files of interactions; `snapshot add` refuses it, too",
              "test_a_file_that_lacks_a_mapped_column_stops_the_run_and_no_other_file_is_named"),
    TableCase("NULL, nan, None and blanks as users", "what exports write for nobody", "rows quarantined, or guests",
              "id_means_nothing, under changed by the mapping",
              "test_words_for_nobody_make_no_users_and_one_id_written_two_ways_makes_one"),
    TableCase("more bad rows than allowed", "a tenth of the rows cannot be read", REFUSED,
              "by rule: readable 4 (e.g. value: 'two' is not a number); the rows lie in quarantine/",
              "test_more_bad_rows_than_allowed_are_kept_and_their_rule_is_named"),
    TableCase("an id of 10,000 characters", "landed whole, then judged", QUARANTINED, "item_id_not_empty",
              "test_an_id_of_ten_thousand_characters_is_set_aside"),
)  # fmt: skip
SECTIONS = (
    ("Damaged, bombed or mistaken files", hostile_bytes.CASES),
    ("Columns, quotes and encodings", hostile_text.CASES),
    ("Circumstances", circumstances.CASES),
    ("Values", VALUES),
    ("Whole tables", TABLES),
)


def page() -> str:
    """The whole page."""
    parts = [HEAD, *(f"## {title}\n\n{_table(cases)}" for title, cases in SECTIONS)]
    shapes = "".join(f"- {shape.name}\n" for shape in SHAPES)
    parts.append(
        f"## Clean files\n\nThe same events in {len(SHAPES)} shapes; each gives the same canonical rows without a word "
        f"(tests/data/test_clean_files.py):\n\n{shapes}"
    )
    return "\n".join(parts)


def _table(cases: Iterable) -> str:
    rows = "".join(f"| {_cell(c.name)} | {_cell(c.what)} | {c.verdict} | {_cell(_short(c.words))} |\n" for c in cases)
    return f"| case | what is wrong | verdict | message, in part |\n|---|---|---|---|\n{rows}"


def _short(words: str) -> str:
    return words if len(words) < 160 else f"{words[:150]}…"


def _cell(words: str) -> str:
    """Text that a table of Markdown shows as it is."""
    return words.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


if __name__ == "__main__":
    if "--write" in sys.argv:
        write_text(PAGE, page())
    else:
        print(page())
