"""Leave the last out: every user is asked at a moment of their own, about the last thing they did.

A *turn* is what is asked about at once: one event, or one basket. Turns of a user are counted from the last, 0, back.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import Field

from components.core import layout, schema
from components.core.errors import DataError
from components.splits.splitter import Fold, SplitConfig, Splitter, span

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import Column

TURN_OF = {layout.EARLIER_FOLD: 2, layout.VALIDATION_FOLD: 1, layout.TEST_FOLD: 0}
TURN, BEGAN, PLACE = "turn", "began", "place"  # columns of `turns`


class LastConfig(SplitConfig):
    """Who is asked.

    earlier  one more fold, of the turn before the validation's: what a recommender of two stages learns from where the
             validation is asked
    """

    min_turns: int = Field(
        3, ge=2, description="of events (or baskets) to be foretold; users with fewer are asked nothing, only fitted "
                             "on; 2: whoever has just two is asked in the test fold alone"
    )  # fmt: skip
    earlier: bool = False


def fewest(min_turns: int, fold: str) -> int:
    """Turns of a user who is asked in a fold: one to go by, the one held out, and the test's where that comes later."""
    return max(min_turns, TURN_OF[fold] + 2)


def folds(splitter: Splitter, events: Table, marked: Table) -> list[Fold]:
    """The validation and the test fold, and one before them where the options say so.

    marked  the events that may be a target, with BEGAN, when the turn that the row is in began, and PLACE, a text that
            orders turns which began at the same time
    """
    import ibis

    order = ibis.window(group_by=schema.USER_ID, order_by=[ibis.desc(BEGAN), ibis.desc(PLACE)])
    turns = marked.mutate(**{TURN: ibis.dense_rank().over(order)})
    asked = _asked(turns, splitter.config.min_turns)
    now = span(events)[1].replace(microsecond=0) + timedelta(seconds=1)
    if not asked.count().execute():
        raise DataError(
            f"split: no user has {splitter.config.min_turns} events or baskets to leave the last one out of; choose "
            "another method or bring more."
        )
    names = [*([layout.EARLIER_FOLD] if splitter.config.earlier else []), *layout.FOLDS]
    return [Fold(name, *_fold(splitter, events, turns, asked, name), now=now) for name in names]


def _asked(turns: Table, min_turns: int) -> Table:
    """One row per user with enough turns: how many, and when and where the last ones began."""
    last = {
        f"{column}_{turn}": turns[column].max(where=turns[TURN] == turn)
        for turn in TURN_OF.values()
        for column in (BEGAN, PLACE)
    }
    by_user = turns.group_by(schema.USER_ID).agg(turns=turns[TURN].max() + 1, **last)
    return by_user.filter(by_user.turns >= min_turns)


def _fold(splitter: Splitter, events: Table, turns: Table, asked: Table, fold: str) -> tuple[Table, Table]:
    """History and target of one fold: a user's events before a turn, and the turn itself; of all others, everything.

    Of users who have too few turns for this fold, the history ends where that of the next fold does that asks them.
    """
    turn = TURN_OF[fold]
    moments = asked.select(
        schema.USER_ID, **{column: _moment(asked, splitter.config.min_turns, turn, column) for column in (BEGAN, PLACE)}
    )
    past = splitter.past(events)
    joined = past.left_join(moments, schema.USER_ID)
    began, place = joined[BEGAN], joined[PLACE]
    at, item = joined[schema.TIMESTAMP], joined[schema.ITEM_ID]
    before = began.isnull() | (at < began) | ((at == began) & (item < place))
    enough = asked.filter(asked.turns >= fewest(splitter.config.min_turns, fold))
    wanted = turns.filter(turns[TURN] == turn).semi_join(enough, schema.USER_ID)
    return joined.filter(before).select(events.columns), wanted.select(events.columns)


def _moment(asked: Table, min_turns: int, turn: int, column: str) -> Column:
    """When, or where, the turn began before which a user's history ends: this one, or the first later that is asked."""
    moment = asked[f"{column}_0"]
    for fold, back in sorted(TURN_OF.items(), key=lambda pair: pair[1]):
        if 0 < back <= turn:
            moment = (asked.turns >= fewest(min_turns, fold)).ifelse(asked[f"{column}_{back}"], moment)
    return moment
