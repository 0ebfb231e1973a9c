"""Click sessions: YooChoose (RecSys Challenge 2015) and Diginetica (CIKM Cup 2016) in their published forms.

YooChoose: two files without header, clicks (session, time in UTC, item, category) and buys (session, time, item,
price, quantity), where a price or quantity of 0 was not recorded. A category of 0 is missing too.
Diginetica: files cut by semicolons; views and purchases carry the day and the milliseconds since the session began, so
times within a day are those of a session's own clock: their order within a session is right, between sessions not.
Most visitors have no user id. `sessions_as_users` makes each session of nobody a user of its own, named "session <id>",
which is how these data are used to train on; without it they are guests, and cleaning's policy on guests decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from components.core import schema
from components.core.config import Config
from components.core.errors import DataError
from components.data.landing import FileFormat, Limits
from components.data.mapped_source import MappedSource, Part, RawTable
from components.data.mapping.events import EventRule
from components.data.mapping.reading import text
from components.data.mapping.table_mapping import TableMapping
from components.data.mapping.times import TimeFormat

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import StringValue

YOOCHOOSE, DIGINETICA = "yoochoose", "diginetica"
CLICKS, BUYS = "clicks", "buys"
VIEWS, PURCHASES, PRODUCTS, CATEGORIES = "views", "purchases", "products", "categories"
VISITOR, MOMENT = "visitor", "moment"
NOBODY = ("", "NA")
LAST_OF_DAY = 86_399_999  # milliseconds; a session that lasts longer ends the day there
SEMICOLONS = FileFormat(format="csv", delimiter=";")
SESSION, USER, ITEM = ("sessionId", "session_id"), ("userId", "user_id"), ("itemId", "item_id")


def _headless(*columns: str) -> FileFormat:
    return FileFormat(format="csv", delimiter=",", header=False, columns=columns)


FORMS = {
    YOOCHOOSE: {
        CLICKS: ("yoochoose-clicks.dat", _headless("session", "time", "item", "category")),
        BUYS: ("yoochoose-buys.dat", _headless("session", "time", "item", "price", "quantity")),
    },
    DIGINETICA: {
        VIEWS: ("train-item-views.csv", SEMICOLONS),
        PURCHASES: ("train-purchases.csv", SEMICOLONS),
        PRODUCTS: ("products.csv", SEMICOLONS),
        CATEGORIES: ("product-categories.csv", SEMICOLONS),
    },
}


class ClickSessionsConfig(Config):
    """Where the files are, under the names they were published with (.gz too), and what they are.

    sessions_as_users  a session without a user id is a user of its own
    """

    folder: str
    form: Literal["yoochoose", "diginetica"] = YOOCHOOSE
    sessions_as_users: bool = True
    limits: Limits = Limits()


class ClickSessions(MappedSource):
    """Clicks or views, and purchases, by session."""

    Config = ClickSessionsConfig
    local_time_zone = "UTC"
    currency = ""
    pseudonymous = True

    def by_file(self) -> tuple[str, ...]:
        """The events; an item is made of many lines, or of a product and its category."""
        return (schema.INTERACTIONS_TABLE,)

    def raw_tables(self) -> dict[str, RawTable]:
        """The published files."""
        forms = FORMS[self.config.form].items()
        return {name: RawTable((f"{self.config.folder}/{file}*",), form) for name, (file, form) in forms}

    def parts(self, raw: dict[str, Table]) -> list[Part]:
        """Events of both kinds of files, and the items."""
        made = _yoochoose(raw) if self.config.form == YOOCHOOSE else _diginetica(raw)
        return [part if part.rows is None else self._with_visitor(part) for part in made]

    def _with_visitor(self, part: Part) -> Part:
        if part.table != schema.INTERACTIONS_TABLE:
            return part
        visitor = text(part.rows["user"], NOBODY)
        if self.config.sessions_as_users:
            visitor = visitor.coalesce("session " + part.rows["session"])
        rows = part.rows.mutate(**{VISITOR: visitor})
        return Part(part.raw, part.table, part.mapping, part.one_per_id, rows)


def _events(event: str, time: str = "time", **columns: str) -> TableMapping:
    always = {schema.USER_ID: VISITOR, schema.ITEM_ID: "item", schema.TIMESTAMP: time, schema.SESSION_ID: "session"}
    return TableMapping(columns=always | columns, events=(EventRule(type=event),), time=TimeFormat())


def _yoochoose(raw: dict[str, Table]) -> list[Part]:
    import ibis

    nobody = ibis.literal("")
    clicks, buys = raw[CLICKS].mutate(user=nobody), raw[BUYS].mutate(user=nobody)
    buys = buys.mutate(price=buys["price"].nullif("0"), quantity=buys["quantity"].nullif("0"))
    items = TableMapping(columns={schema.ITEM_ID: "item", schema.CATEGORY: "category"}, missing=("", "0"))
    bought = _events("purchase", value="price", quantity="quantity").model_copy(update={"value_is": "unit"})
    return [
        Part(CLICKS, schema.INTERACTIONS_TABLE, _events("click"), rows=clicks),
        Part(BUYS, schema.INTERACTIONS_TABLE, bought, rows=buys),
        Part(CLICKS, schema.ITEMS_TABLE, items, one_per_id=True),
        Part(BUYS, schema.ITEMS_TABLE, TableMapping(columns={schema.ITEM_ID: "item"}), one_per_id=True),
    ]


def _diginetica(raw: dict[str, Table]) -> list[Part]:
    products, categories = raw[PRODUCTS], raw[CATEGORIES]
    named = categories.select(item=_one_of(categories, ITEM), categoryId=categories["categoryId"])
    known = named.group_by("item").agg(categoryId=named.categoryId.max())  # one each, whatever the file repeats
    kept = [c for c in products.columns if c not in known.columns]
    rows = products.mutate(item=_one_of(products, ITEM)).left_join(known, "item")
    rows = rows.select(*kept, "item", "categoryId")
    extra = tuple(c for c in ("pricelog2", "product.name.tokens") if c in products.columns)
    items = TableMapping(columns={schema.ITEM_ID: "item", schema.CATEGORY: "categoryId"}, attributes=extra)
    return [
        Part(VIEWS, schema.INTERACTIONS_TABLE, _events("view", MOMENT), rows=_in_sessions(raw[VIEWS])),
        Part(PURCHASES, schema.INTERACTIONS_TABLE, _events("purchase", MOMENT), rows=_in_sessions(raw[PURCHASES])),
        Part(PRODUCTS, schema.ITEMS_TABLE, items, rows=rows),
    ]


def _in_sessions(rows: Table) -> Table:
    named = {"session": _one_of(rows, SESSION), "user": _one_of(rows, USER), "item": _one_of(rows, ITEM)}
    return rows.mutate(**named, **{MOMENT: _moment(rows["eventdate"], rows["timeframe"])})


def _moment(day: StringValue, timeframe: StringValue) -> StringValue:
    """ISO time of "2016-05-09" and so many milliseconds; what is no number of them is left for the mapping to see."""
    import ibis

    fits = timeframe.re_search(r"\A[0-9]{1,12}\z").fill_null(False)
    since = ibis.least(fits.ifelse(timeframe, "0").cast("int64"), LAST_OF_DAY)
    parts = (since // 3_600_000, since // 60_000 % 60, since // 1000 % 60)
    hour, minute, second = (part.cast("string").lpad(2, "0") for part in parts)
    clock = hour + ":" + minute + ":" + second + "." + (since % 1000).cast("string").lpad(3, "0")
    return day + " " + fits.ifelse(clock, timeframe)


def _one_of(rows: Table, names: tuple[str, ...]) -> StringValue:
    for name in names:
        if name in rows.columns:
            return rows[name]
    raise DataError(f"click_sessions: no column {' or '.join(names)}; found {', '.join(rows.columns)}.")
