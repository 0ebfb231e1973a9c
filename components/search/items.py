"""Items to be searched: anybody's table, or a run's canonical items, in one form, with everything odd counted."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from components.core import layout, schema
from components.core.errors import DataError
from components.search import columns, tables
from components.search.analysis import UNPRINTABLE

ID, TITLE, TEXT, CATEGORY, BRAND, PRICE, STOCK = "id", "title", "text", "category", "brand", "price", "stock"
POPULARITY = "popularity"
ROLES = (ID, TITLE, TEXT, CATEGORY, BRAND, PRICE, STOCK)
GUESSES: dict[str, tuple[str, ...]] = {
    ID: ("item_id", "id", "product_id", "sku", "asin", "parent_asin", "article_id", "item", "uid", "code", "handle",
         "商品id", "商品编号", "编号"),
    TITLE: ("title", "name", "product_title", "product_name", "item_name", "prod_name", "item_title", "标题",
            "商品名称", "商品标题", "名称"),
    TEXT: ("description", "text", "product_description", "detail_desc", "body", "body_html", "details", "features",
           "summary", "描述", "商品描述", "详情"),
    CATEGORY: ("category", "product_class", "category_path", "categories", "category_name", "main_category", "class",
               "product_type", "type", "类目", "分类", "类别"),
    BRAND: ("brand", "brand_name", "product_brand", "manufacturer", "vendor", "maker", "品牌"),
    PRICE: ("price", "list_price", "sale_price", "unit_price", "current_price", "价格", "售价"),
    STOCK: ("stock", "inventory", "in_stock", "quantity_in_stock", "availability", "available", "库存"),
}  # fmt: skip
CANONICAL = {
    ID: (schema.ITEM_ID,), TITLE: (schema.TITLE,), TEXT: (schema.DESCRIPTION, schema.PACKAGE_SIZE),
    CATEGORY: (schema.DEPARTMENT, schema.CATEGORY, schema.SUBCATEGORY), BRAND: (schema.BRAND,), PRICE: (schema.PRICE,),
    STOCK: (schema.STOCK,),
}  # fmt: skip
LEVELS = re.compile(r"\s*(?:>|\||»|::|/(?=\s)|;)\s*")
LONGEST_TITLE = 1000  # characters kept; a longer title is a description in the wrong place
LONGEST_TEXT = 20_000
LONGEST_ID = 256
LONGEST_LABEL = 200
MOST_LEVELS = 6
YES = frozenset(("yes", "y", "true", "1", "in stock", "instock", "available", "有货", "是"))
NO = frozenset(("no", "n", "false", "0", "out of stock", "outofstock", "sold out", "unavailable", "无货", "缺货", "否"))


@dataclass(frozen=True)
class Items:
    """Items in the order of their index rows.

    table    item_id, title, text, category (list of levels), brand, price (null unknown), stock (null unknown)
    found    role → the columns that were read
    counts   what was odd, in words → rows
    remarks  what the reader guessed
    """

    table: pa.Table
    found: dict[str, tuple[str, ...]]
    counts: dict[str, int]
    remarks: tuple[str, ...]


def read_items(path: Path, given: Mapping[str, Sequence[str]]) -> Items:
    """Items of a file, or of a run's folder.

    given   role → names of columns, where guessing is not to be
    Raises  DataError if no column can be the id or the title, or no row can be searched
    """
    path = _file_of(Path(path))
    read = tables.read(path, "items")
    table = read.table
    canonical = not any(given.values()) and set(schema.REQUIRED[schema.ITEMS_TABLE]) | {schema.DEPARTMENT} <= set(
        table.column_names
    )
    guesses = GUESSES
    if canonical:
        given = {role: [name for name in names if name in table.column_names] for role, names in CANONICAL.items()}
    found = columns.choose(table.column_names, given, guesses, (ID, TITLE), str(path))
    return made(table, found, read.rejected, read.remarks, str(path), schema.UNKNOWN_TEXT if canonical else None)


def of_canonical(table: pa.Table) -> Items:
    """Items of the canonical table `items`."""
    found = {role: tuple(n for n in names if n in table.column_names) for role, names in CANONICAL.items()}
    return made(table, found, 0, (), schema.ITEMS_TABLE, schema.UNKNOWN_TEXT)


def made(
    table: pa.Table,
    found: dict[str, tuple[str, ...]],
    rejected: int,
    remarks: tuple[str, ...],
    where: str,
    missing: str | None = None,
) -> Items:
    """Rows with an id and something to be found by; the first row of an id is kept.

    missing  the word that stands where nothing is known; it is nobody's brand or category
    """
    counts: Counter[str] = Counter({"lines that are no rows": rejected} if rejected else {})
    rows = _rows(table, found, counts, missing)
    if not rows[ID]:
        told = "; ".join(f"{count:,} {words}" for words, count in counts.items()) or "the table is empty"
        raise DataError(f"{where}: not one row can be searched ({told}); is the right column named with --title?")
    types = {CATEGORY: pa.list_(pa.string()), PRICE: pa.float64(), STOCK: pa.float64()}
    names = {ID: schema.ITEM_ID}
    arrays = {names.get(role, role): pa.array(values, types.get(role, pa.string())) for role, values in rows.items()}
    return Items(pa.table(arrays), found, dict(counts), remarks)


def _rows(
    table: pa.Table, found: dict[str, tuple[str, ...]], counts: Counter[str], missing: str | None
) -> dict[str, list]:
    raw = {role: tables.texts(table, found[role]) for role in (ID, TITLE, TEXT, CATEGORY, BRAND)}
    if missing is not None:
        for role in (TEXT, CATEGORY, BRAND):
            raw[role] = [[None if text == missing else text for text in column] for column in raw[role]]
    prices, stocks = tables.numbers(table, found[PRICE]), _stocks(table, found[STOCK])
    out: dict[str, list] = {role: [] for role in ROLES}
    seen: set[str] = set()
    for row in range(table.num_rows):
        item = _clean(raw[ID][0][row], LONGEST_ID, counts, None)
        if not item:
            counts["without an id, left out"] += 1
            continue
        if item in seen:
            counts["copies of an id, the first is kept"] += 1
            continue
        title = _clean(raw[TITLE][0][row], LONGEST_TITLE, counts, f"titles cut at {LONGEST_TITLE:,} characters")
        text = " ".join(filter(None, (_clean(c[row], LONGEST_TEXT, counts, None) for c in raw[TEXT])))
        levels = _levels([c[row] for c in raw[CATEGORY]], counts)
        brand = _clean(raw[BRAND][0][row], LONGEST_LABEL, counts, None) if raw[BRAND] else ""
        if not title:
            counts["empty titles"] += 1
            if not (text or levels or brand):
                counts["without any words, left out"] += 1
                continue
        seen.add(item)
        values = (item, title, text, levels, brand, _price(prices[row], counts), stocks[row])
        for role, value in zip(ROLES, values, strict=True):
            out[role].append(value)
    return out


def _clean(text: str | None, longest: int, counts: Counter[str], words: str | None) -> str:
    if not text:
        return ""
    if not text.isprintable():
        if "\0" in text:
            counts["texts with NUL bytes, taken out"] += 1
        text = " ".join(UNPRINTABLE.sub(" ", text).split())
    text = text.strip()
    if len(text) > longest:
        if words:
            counts[words] += 1
        text = text[:longest]
    return text


def _levels(raw: list[str | None], counts: Counter[str]) -> list[str]:
    """`["Home > Kitchen"]` → Home, Kitchen; canonical levels come one by one."""
    levels: list[str] = []
    for text in raw:
        if text:
            levels += [part[:LONGEST_LABEL] for part in LEVELS.split(_clean(text, 2000, counts, None)) if part]
    return list(dict.fromkeys(levels))[:MOST_LEVELS]


def _price(value: float | None, counts: Counter[str]) -> float | None:
    if value is None:
        return None
    if not math.isfinite(value) or value < 0:
        counts["prices below zero or not finite, unknown"] += 1
        return None
    return value


def _stocks(table: pa.Table, names: tuple[str, ...]) -> list[float | None]:
    """Units, or 1 and 0 for words that say whether there is any."""
    if not names:
        return [None] * table.num_rows
    figures = tables.numbers(table, names)
    said = tables.texts(table, names[:1])[0]
    worded = [None if s is None else s.strip().casefold() for s in said]
    return [
        1.0 if w in YES and f is None else 0.0 if w in NO and f is None else f
        for w, f in zip(worded, figures, strict=True)
    ]


def _file_of(path: Path) -> Path:
    """A file as it is; of a run's folder its canonical items."""
    if not path.is_dir():
        return path
    for below in (layout.CLEAN / "items.parquet", Path("clean/items.parquet"), Path("items.parquet")):
        if (path / below).exists():
            return path / below
    return path
