"""Files of bare sequences as their owner knows them: by their own names, with what is strange about them in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from components.core import schema
from components.core.errors import DataError
from components.data.cleaner import totals
from components.data.landing.mistaken import table_of_events
from components.data.source import SourceChoice
from components.data.sources.sequences import ATTRIBUTES, SEQUENCES, read_attributes

if TYPE_CHECKING:
    from ibis import Table

MANY = 0.5  # of the users, on several lines of one item each
MOSTLY = 0.9  # of the users are items too, where lines begin with an item


def without_bad_attributes(choice: SourceChoice) -> tuple[SourceChoice, str]:
    """The source without an attribute file that cannot be read, and why it cannot; most models read none."""
    file = choice.params.get(ATTRIBUTES)
    try:
        if file:
            read_attributes(Path(file), file)
    except DataError as e:
        return SourceChoice(component=choice.component, params=choice.params | {ATTRIBUTES: None}), str(e)
    return choice, ""


def own_name(choice: SourceChoice) -> Callable[[str], str]:
    """Gives words the owner's path in the place of the name that the file has while it is read."""
    path = choice.params["files"]
    return lambda words: words.replace(f"{SEQUENCES}/{Path(path).name}", path)


def remarks(events: Table, file: str) -> list[str]:
    """What a person should look at: users on several lines, and lines that seem to begin with an item.

    Raises DataError where lines are rows of events
    """
    line = events[schema.SOURCE_FILE] + ":" + events[schema.SOURCE_ROW].cast("string")
    users = events.group_by(schema.USER_ID).agg(lines=line.nunique())
    items = events.select(**{schema.USER_ID: events[schema.ITEM_ID]}).distinct()
    known = users.left_join(items, schema.USER_ID)
    number = known[schema.USER_ID].re_search("^[0-9]+$")
    whole = totals(events, {"events": events.count(), "lines": line.nunique()})
    counts = whole | totals(
        known,
        {
            "users": known.count(),
            "on_several": (known.lines > 1).sum(),
            "items_too": known[f"{schema.USER_ID}_right"].notnull().sum(),
            "words": (~number).sum(),
        },
    )
    _refuse_rows(counts, file)
    return [*_several(counts), *_no_users(counts)]


def _refuse_rows(counts: dict[str, int], file: str) -> None:
    """DataError where every line is a user and one item, and users stand on many: rows of events, in no order."""
    if counts["events"] == counts["lines"] and counts["on_several"] > MANY * counts["users"]:
        several = f"{counts['on_several']:,} of {counts['users']:,} users stand on several"
        raise table_of_events(file, f"each of its {counts['lines']:,} lines holds one item, and {several}")


def _several(counts: dict[str, int]) -> list[str]:
    if not counts["on_several"]:
        return []
    said = "stand on several lines, and nobody knows which came first: their events interleave, place by place"
    return [f"{counts['on_several']:,} users {said}; join the lines at their origin"]


def _no_users(counts: dict[str, int]) -> list[str]:
    """Users and items that are numbers may share them; no user stands on two lines then."""
    few = counts["items_too"] < max(MOSTLY * counts["users"], 2)
    if few or not (counts["on_several"] or counts["words"]):
        return []
    said = "users are items too: if the lines begin with an item, each needs its user's id before it"
    return [f"{counts['items_too']:,} of {counts['users']:,} {said}"]
