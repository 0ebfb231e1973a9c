"""A small shop as exports are: orders four weeks per file, with faults planted whose number is known.

Four hundred and eighty customers come about once a week. Each likes two of six groups of products, has a few favourites
in them, and every month or so turns from one to the next of its group. One product of each group is in season for four
weeks, and who likes the group tries it once: what sells lately, to whom, is for a ranker to see, and for no one model.
So there is something to be learned, about new items too, and the default gate sees it by several times its interval.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

GROUPS = {"红茶": "Tee", "绿茶": "Grüntee", "奶酪": "Käse", "面包": "Brot", "香皂": "Seife", "蜡烛": "Kerzen"}
PER_GROUP, CUSTOMERS, DAYS, DAYS_PER_FILE = 12, 480, 112, 28
SEASON_DAYS, SEASON_STEP = 28, 5  # each season's product stands so many places behind the last one's
TRIES = 0.35  # the chance that a visitor tries what is in season
START = datetime(2024, 1, 8)  # noqa: DTZ001 - the shop's own clock
PREFIX = "kunde-"  # starts every customer's id, and nothing else does
GUESTS, CANCELLED, TWICE = 5, 6, 8
BAD_DATES = ("31.02.2024 10:00", "irgendwann", "32.01.2024 12:00")
BAD_AMOUNT = "ungefähr 3"
UNLISTED = "000999"  # sold, and in no list of products


@dataclass(frozen=True)
class Line:
    """A line of an order, as the shop's till knows it."""

    customer: str | None
    sku: str
    at: datetime
    pieces: int
    amount: float
    order: str


def skus():
    """Product id → group; the ids carry zeros in front."""
    return {f"{number:06}": group for number, group in enumerate(np.repeat(list(GROUPS.values()), PER_GROUP).tolist())}


def titles():
    """Product id → Chinese title."""
    chinese = np.repeat(list(GROUPS), PER_GROUP).tolist()
    return {sku: f"{word} 特级 {int(sku)} 号" for sku, word in zip(skus(), chinese, strict=True)}


def price(sku):
    """What one piece costs."""
    return 1.5 + int(sku) % PER_GROUP / 4


def sound_lines(seed=1):
    """Every line that is as it should be, oldest first."""
    draw = np.random.default_rng(seed)
    found = []
    for number in range(CUSTOMERS):
        groups = draw.choice(len(GROUPS), 2, replace=False)
        favourites = [int(g) * PER_GROUP + int(draw.integers(PER_GROUP)) for g in groups for _ in range(2)]
        had = set()
        for day in range(int(draw.integers(7)), DAYS, 7):
            at = START + timedelta(days=day, hours=9 + int(draw.integers(10)), minutes=int(draw.integers(60)))
            tried = in_season(groups, day) - had
            tried = {product for product in sorted(tried) if draw.random() < TRIES}
            had |= tried
            found += basket(draw, f"{PREFIX}{number:04}", favourites, tried, at)
            if draw.random() < 1 / 4:  # the next of its group takes the place of one favourite
                chosen = int(draw.integers(len(favourites)))
                group, place = divmod(favourites[chosen], PER_GROUP)
                favourites[chosen] = group * PER_GROUP + (place + 1) % PER_GROUP
    return sorted(found, key=lambda line: (line.at, line.order, line.sku))


def in_season(groups, day):
    """The product of each group that is in season on a day."""
    season = day // SEASON_DAYS
    return {int(group) * PER_GROUP + (SEASON_STEP * season + int(group)) % PER_GROUP for group in groups}


def basket(draw, customer, favourites, tried, at):
    """The lines of one visit."""
    bought = {f for f in favourites if draw.random() < 0.6} | {int(draw.zipf(1.5)) % (len(GROUPS) * PER_GROUP)} | tried
    order = f"{at:%y%m%d}-{customer[len(PREFIX) :]}"
    pieces = int(draw.integers(1, 4))
    return [Line(customer, f"{n:06}", at, pieces, pieces * price(f"{n:06}"), order) for n in sorted(bought)]


def faulty_lines(sound):
    """What stands in the files beside the sound lines and can be read: guests, cancellations, copies, an unlisted item.

    Every cancellation undoes a line of its own customer and product that no other cancellation is about.
    """
    guests = [replace(line, customer=None, order=f"guest-{line.order}") for line in sound[100 : 100 + GUESTS]]
    cancelled = [
        replace(line, at=line.at + timedelta(minutes=30), pieces=-line.pieces, amount=-line.amount)
        for line in to_cancel(sound)
    ]
    twice = sound[2000 : 2000 + TWICE]
    return [*guests, *cancelled, *twice, replace(sound[3000], sku=UNLISTED)]


def to_cancel(sound):
    """The first purchases of some customers."""
    firsts = {line.customer: line for line in reversed(sound)}
    return [firsts[customer] for customer in sorted(firsts)[:CANCELLED]]


def clean_count(sound):
    """How many interactions are left when all is cleaned: the guests, the copies and what was undone are gone."""
    return len(sound) - CANCELLED + 1


def write_folder(folder):
    """orders/*.csv of four weeks each and products.csv, as docs/examples/csv_folder.yaml declares them."""
    sound = sound_lines()
    rows = sorted([*sound, *faulty_lines(sound)], key=lambda line: line.at)
    orders = folder / "orders"
    orders.mkdir(parents=True)
    for number in range(DAYS // DAYS_PER_FILE):
        first = START + timedelta(days=number * DAYS_PER_FILE)
        of_file = [line for line in rows if first <= line.at < first + timedelta(days=DAYS_PER_FILE)]
        text = [
            "customer;sku;ordered_at;amount;pieces;order",
            *map(csv_line, of_file),
            *(unreadable(sound) * (number == 3)),
        ]
        encoding = "utf-8-sig" if number == 1 else "utf-8"
        (orders / f"{first:%Y-%m-%d}.csv").write_text("\n".join(text) + "\n", encoding)
    shelf = [f"{sku};{titles()[sku]};{group};{comma(price(sku))}" for sku, group in skus().items()]
    (folder / "products.csv").write_text("\n".join(["sku;name;group;price", *shelf]) + "\n", "gb18030")


def csv_line(line, at=None, amount=None):
    """The line as the export writes it."""
    cells = (line.customer or "", line.sku, at or f"{line.at:%d.%m.%Y %H:%M}", amount or comma(line.amount))
    return ";".join([*cells, str(line.pieces), line.order])


def unreadable(sound):
    """Lines that cannot be read: no dates, no amount, and one with a cell too many."""
    dates = [csv_line(line, at=at) for line, at in zip(sound[500:], BAD_DATES, strict=False)]
    return [*dates, csv_line(sound[600], amount=BAD_AMOUNT), csv_line(sound[601]) + ";zu viel"]


def comma(number):
    """A number with two digits after a decimal comma."""
    return f"{number:.2f}".replace(".", ",")


TABLES = """
CREATE TABLE products (sku text, name text, category text, price numeric(9, 2));
CREATE TABLE order_lines (
  order_id text, customer_id text, sku text, ordered_at text, amount numeric, pieces integer);
"""
BAD_TIMES = ("2024-02-31 10:00", "0000-00-00 00:00")


def fill_database(address):
    """The tables of docs/examples/postgres.yaml; times are text there, as old systems keep them."""
    import psycopg

    sound = sound_lines()
    lines = [(line, f"{line.at:%Y-%m-%d %H:%M}", line.amount) for line in [*sound, *faulty_lines(sound)]]
    lines += [(line, at, line.amount) for line, at in zip(sound[500:], BAD_TIMES, strict=False)]
    lines += [(sound[600], f"{sound[600].at:%Y-%m-%d %H:%M}", "NaN")]
    with psycopg.connect(address) as con, con.cursor() as cursor:
        cursor.execute(TABLES)
        with cursor.copy("COPY order_lines FROM STDIN") as copy:
            for line, at, amount in lines:
                copy.write_row((line.order, line.customer, line.sku, at, amount, line.pieces))
        with cursor.copy("COPY products FROM STDIN") as copy:
            for sku, group in skus().items():
                copy.write_row((sku, titles()[sku], group, price(sku)))
