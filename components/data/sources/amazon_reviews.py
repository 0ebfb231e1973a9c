"""Amazon Reviews in the JSON-lines forms of 2014, 2018 and 2023: reviews, and metadata of the products, gzipped or not.

Every review is a rating. What the forms' metadata are like:
- 2014 lines may be printed Python dictionaries; they are read as literals, nothing is run
- prices may be ranges ("$5.99 - $9.99": the lower counts) or remnants of a page's markup (they count as not given)
- 2023 names a product and its variants: the parent is the item, as its metadata are
- in 2014 and 2018 a product may stand on several lines, or in the files of several categories; one item is made of them
Pictures are addresses, not files; the first is kept among the attributes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from components.core import schema
from components.core.config import Config
from components.data.landing import FileFormat, Limits
from components.data.mapped_source import MappedSource, Part, RawTable
from components.data.mapping.events import EventRule
from components.data.mapping.table_mapping import TableMapping
from components.data.mapping.times import UNIX_MS, UNIX_S, TimeFormat

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import StringValue

REVIEWS, METADATA = "reviews", "metadata"
PICTURE = "picture"
TEXT = r'"((?:[^"\\]|\\.)*)"'  # one text of a JSON list
LEVELS = (schema.DEPARTMENT, schema.CATEGORY, schema.SUBCATEGORY)


@dataclass(frozen=True)
class Form:
    """What an edition calls things; metadata fields that it does not have are None.

    repeats  whether metadata name a product more than once
    """

    user: str
    item: str
    rating: str
    time: str
    unit: str
    meta_item: str
    path: str
    department: str | None
    brand: str
    pictures: str
    python_literals: bool = False
    repeats: bool = True


FORMS = {
    "2014": Form(
        "reviewerID", "asin", "overall", "unixReviewTime", UNIX_S, "asin", "categories", None, "brand", "imUrl", True
    ),
    "2018": Form(
        "reviewerID", "asin", "overall", "unixReviewTime", UNIX_S, "asin", "category", None, "brand", "imageURL"
    ),
    "2023": Form(
        "user_id", "parent_asin", "rating", "timestamp", UNIX_MS, "parent_asin", "categories", "main_category", "store",
        "images", repeats=False,
    ),
}  # fmt: skip


class AmazonReviewsConfig(Config):
    """Where reviews and metadata are, and of which edition.

    metadata  None: the items are those of the reviews, without titles
    """

    reviews: tuple[str, ...] | str
    metadata: tuple[str, ...] | str | None = None
    form: Literal["2014", "2018", "2023"] = "2023"
    limits: Limits = Limits()


class AmazonReviews(MappedSource):
    """Ratings of products by reviewers."""

    Config = AmazonReviewsConfig
    local_time_zone = "UTC"
    currency = "USD"
    pseudonymous = True

    def by_file(self) -> tuple[str, ...]:
        """The ratings, and the items where the metadata name each of them once."""
        made = self.config.metadata is None or FORMS[self.config.form].repeats
        return (schema.INTERACTIONS_TABLE,) if made else (schema.INTERACTIONS_TABLE, schema.ITEMS_TABLE)

    def raw_tables(self) -> dict[str, RawTable]:
        """Reviews, and metadata where they are named."""
        literals = FORMS[self.config.form].python_literals
        formats = {REVIEWS: FileFormat(format="jsonl"), METADATA: FileFormat(format="jsonl", python_literals=literals)}
        files = {REVIEWS: self.config.reviews, METADATA: self.config.metadata}
        return {
            name: RawTable((paths,) if isinstance(paths, str) else paths, formats[name])
            for name, paths in files.items()
            if paths is not None
        }

    def parts(self, raw: dict[str, Table]) -> list[Part]:
        """Ratings, and items from the metadata."""
        form = FORMS[self.config.form]
        ratings = TableMapping(
            columns={
                schema.USER_ID: form.user,
                schema.ITEM_ID: form.item,
                schema.TIMESTAMP: form.time,
                schema.VALUE: form.rating,
            },
            events=(EventRule(type="rating"),),
            time=TimeFormat(format=form.unit),
        )
        parts = [Part(REVIEWS, schema.INTERACTIONS_TABLE, ratings)]
        if METADATA in raw:
            rows, columns = _products(raw[METADATA], form)
            mapping = TableMapping(columns={schema.ITEM_ID: form.meta_item} | columns, attributes=(PICTURE,))
            parts.append(Part(METADATA, schema.ITEMS_TABLE, mapping, form.repeats, rows))
        return parts


def _products(metadata: Table, form: Form) -> tuple[Table, dict[str, str]]:
    """The metadata with the texts that a mapping needs, and which canonical columns they give."""
    made = {PICTURE: _field(metadata, form.pictures).re_extract(r"(https?://[^\s\"',\]]+)", 1).nullif("")}
    path = _path(_field(metadata, form.path))
    if form.department is not None:
        path = [_field(metadata, form.department), *path[1:]]
    made |= dict(zip((f"made_{level}" for level in LEVELS), path, strict=True))
    made["made_price"] = _price(_field(metadata, "price"))
    made["made_description"] = _sentences(_field(metadata, "description"))
    made |= {"made_title": _field(metadata, "title"), "made_brand": _field(metadata, form.brand)}
    columns = (schema.TITLE, *LEVELS, schema.BRAND, schema.DESCRIPTION, schema.PRICE)
    return metadata.mutate(**made), {name: f"made_{name}" for name in columns}


def _field(metadata: Table, name: str) -> StringValue:
    """A field that not every file of an edition has; null where it lacks it."""
    import ibis

    return metadata[name].cast("string") if name in metadata.columns else ibis.null("string")


def _path(listed: StringValue) -> list[StringValue]:
    """The first three texts of a JSON list, or of the first list in it."""
    start, levels = r"\A\[+\s*", []
    for _ in LEVELS:
        levels.append(listed.re_extract(start + TEXT, 1).nullif(""))
        start += r'"(?:[^"\\]|\\.)*"\s*,\s*'
    return levels


def _price(written: StringValue) -> StringValue:
    return written.re_extract(r"\A\s*\$?\s*([0-9,]*[0-9](?:\.[0-9]+)?)(?:\s*-.*)?\s*\z", 1).replace(",", "").nullif("")


def _sentences(listed: StringValue) -> StringValue:
    """The texts of a JSON list one after another; a text that is no list as it stands."""
    bare = listed.re_replace(r'\A\[\s*"?|"?\s*\]\z', "").re_replace(r'"\s*,\s*"', " ")
    return listed.startswith("[").ifelse(bare.replace('\\"', '"'), listed).nullif("")
