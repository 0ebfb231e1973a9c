"""`shoploop search`: build an index of items, ask it, judge it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from components.search.index import SearchIndex
    from components.search.items import Items

OUT = Path("artifacts/search")
EVALUATION = Path("artifacts/search_evaluation")
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
ROLES = ("id", "title", "text", "category", "brand", "price", "stock")
MODES = ("lexical", "dense", "fused")
CHINESE = ("bigrams", "words", "characters", "both")
SHOWN_TITLE = 60


@click.group()
def search() -> None:
    """Search over an items table; nobody needs to have clicked anything yet."""


def _columns(command: click.Command) -> click.Command:
    for role in reversed(ROLES):
        several = role in ("text", "category")
        words = f"Column of the {role}" + ("; may be given several times." if several else ".")
        command = click.option(f"--{role}", multiple=True, metavar="COLUMN", help=words)(command)
    return command


@search.command()
@click.argument("items", type=click.Path(exists=True, path_type=Path))
@click.option("--out", default=OUT, show_default=True, type=click.Path(path_type=Path), help="Folder of the index.")
@_columns
@click.option("--synonyms", type=FILE, help="Rules `sofa, couch` and `tv => television`, one a line.")
@click.option("--queries", type=FILE, help="What people asked (query, perhaps a count): offered as completions.")
@click.option("--judgments", type=FILE, help="Tune on them: field weights, and whether vectors pay.")
@click.option(
    "--chinese", default="characters", show_default=True, type=click.Choice(CHINESE), help="How Han text is cut."
)
@click.option("--language", default="auto", show_default=True, help="For plurals: english, german, …, none.")
@click.option("--vectors/--no-vectors", default=True, show_default=True, help="Dense vectors, fitted on the items.")
@click.option("--seed", default=7, show_default=True, type=click.IntRange(0, 2**32 - 1))
def build(
    items: Path,
    out: Path,
    *,
    synonyms: Path | None,
    queries: Path | None,
    judgments: Path | None,
    chinese: str,
    language: str,
    vectors: bool,
    seed: int,
    **columns: tuple[str, ...],
) -> None:
    """Make an index of ITEMS: CSV, JSON lines, Excel or parquet, or the folder of a run.

    Columns are guessed from their names and told; the options name them where the guess is wrong. The index in --out
    is replaced when the new one is whole; a folder that holds anything else is left alone.
    """
    from components.core.config import parse
    from components.core.rng import stream
    from components.search import build as building
    from components.search.clicks import read_queries
    from components.search.items import read_items
    from components.search.load import OUTPUT
    from components.search.synonyms import read_rules

    OUTPUT.check(out)
    started = time.monotonic()
    config = parse(building.BuildConfig, {"language": language, "chinese": chinese, "vectors": vectors}, "search build")
    found = read_items(items, columns)
    rules = read_rules(synonyms) if synonyms else ()
    extras = building.Extras(rules=rules, queries=read_queries(queries) if queries else {})
    told: dict[str, Any] = {}
    if judgments is None:
        building.build(found, config, out, stream(seed, "search"), extras)
    else:
        from components.search.tuning import build_tuned

        told = build_tuned(found, config, out, seed, extras, judgments)
    _show_build(found, out, told, time.monotonic() - started)


@search.command()
@click.argument("clicks", type=FILE)
@click.option("--out", default=Path("synonyms.txt"), show_default=True, type=click.Path(path_type=Path))
@click.option("--query", "query_", metavar="COLUMN", help="Column of the query's text.")
@click.option("--item", metavar="COLUMN", help="Column of the item's id.")
@click.option("--count", metavar="COLUMN", help="Column of how many clicks; without it every row is one.")
@click.option("--language", default="english", show_default=True, help="Of the words, as in build.")
@click.option("--least", default=0.3, show_default=True, type=click.FloatRange(0, 1), help="Cosine of the clicks.")
def synonyms(
    clicks: Path, out: Path, query_: str | None, item: str | None, count: str | None, language: str, least: float
) -> None:
    """Draft rules for --synonyms from CLICKS (query, item, perhaps a count), for you to read and correct."""
    from components.core.bundle import write_text
    from components.core.config import parse
    from components.core.errors import DataError
    from components.search import simplified
    from components.search.analysis import AnalysisConfig, Analyzer
    from components.search.clicks import drafted, learn, read_clicks

    if out.exists():
        raise DataError(f"{out}: is there already, and may hold what people wrote; name another file with --out.")
    config = parse(AnalysisConfig, {"language": language, "simplify": True}, "search synonyms")
    analyzer = Analyzer(config, simplified.known())
    given = {role: (name,) for role, name in {"query": query_, "item": item, "count": count}.items() if name}
    pairs = learn(read_clicks(clicks, given, analyzer), least_cosine=least)
    write_text(out, drafted(pairs))
    for pair in pairs[:20]:
        click.echo(f"{pair.one}, {pair.other}: cosine {pair.cosine:.2f}, {pair.shared} shared items")
    click.echo(f"{out}: {len(pairs)} pairs, a draft; read it, then build with --synonyms {out}")


@search.command()
@click.argument("index", type=FOLDER)
@click.argument("items", type=click.Path(exists=True, path_type=Path))
@click.argument("url")
@_columns
def push(index: Path, items: Path, url: str, **columns: tuple[str, ...]) -> None:
    """Send the documents of INDEX, built from ITEMS, to an Elasticsearch or OpenSearch server at URL.

    What an interrupted push left there is completed. An API key is taken from SHOPLOOP_SEARCH_KEY. `--engine URL` then
    asks that server.
    """
    from components.search.items import read_items
    from components.search.load import load
    from components.search.push import push as send

    loaded = load(index)
    name = send(loaded, read_items(items, columns), url)
    click.echo(f"{url}: {len(loaded):,} items in the index {name}")


@search.command()
@click.argument("index", type=FOLDER)
@click.argument("text")
@click.option("-k", "--limit", default=10, show_default=True, type=click.IntRange(1, 1000))
@click.option("--mode", type=click.Choice(MODES), help="[default: what the build found best]")
@click.option("--category", multiple=True, help="Only these.")
@click.option("--brand", multiple=True, help="Only these.")
@click.option("--min-price", type=click.FloatRange(0))
@click.option("--max-price", type=click.FloatRange(0))
@click.option("--in-stock", is_flag=True)
@click.option("--engine", metavar="URL", help="Ask this Elasticsearch or OpenSearch; see `search push`.")
def query(
    index: Path,
    text: str,
    limit: int,
    mode: str | None,
    *,
    category: tuple[str, ...],
    brand: tuple[str, ...],
    min_price: float | None,
    max_price: float | None,
    in_stock: bool,
    engine: str | None,
) -> None:
    """Ask the INDEX for TEXT and look at the answer."""
    from components.search.engine import Filters

    loaded = _opened(index, engine)
    loaded.warm()
    filters = Filters(category or None, brand or None, min_price, max_price, in_stock)
    started = time.perf_counter()
    found = loaded.search(text, limit, filters, mode)
    took = time.perf_counter() - started
    _show_answer(loaded, found, filters, took)


@search.command()
@click.argument("index", type=FOLDER)
@click.argument("judgments", type=FILE)
@click.option("--out", default=EVALUATION, show_default=True, type=click.Path(path_type=Path))
@click.option("--query", "query_", metavar="COLUMN", help="Column of the query's text.")
@click.option("--item", metavar="COLUMN", help="Column of the item's id.")
@click.option("--grade", metavar="COLUMN", help="Column of the grade; 0 is irrelevant.")
@click.option("--engine", metavar="URL", help="Ask this Elasticsearch or OpenSearch; see `search push`.")
@click.option("--grades", default="", metavar="WORD=NUMBER,…", help="Numbers of grades that are words, as E=3,S=2,I=0.")
@click.option("--seed", default=7, show_default=True, type=click.IntRange(0, 2**32 - 1))
def evaluate(
    index: Path,
    judgments: Path,
    out: Path,
    *,
    query_: str | None,
    item: str | None,
    grade: str | None,
    engine: str | None,
    grades: str,
    seed: int,
) -> None:
    """Measure the INDEX on JUDGMENTS (query, item, grade), over all items, and write report, page and ranked lists."""
    from components.core.rng import stream
    from components.core.schema import ITEM_ID
    from components.search import evaluate as evaluation
    from components.search.judgments import read_judgments

    evaluation.OUTPUT.check(out)
    loaded = _opened(index, engine)
    named = {"query": query_, "item": item, "grade": grade}
    given = {role: (name,) for role, name in named.items() if name}
    judged = read_judgments(judgments, given, _worded(grades), loaded.items[ITEM_ID].to_pylist())
    report = evaluation.evaluate(loaded, judged, out, stream(seed, "search evaluation"))
    _show_report(report, out)


def _opened(folder: Path, engine: str | None) -> SearchIndex:
    from components.search.load import load
    from components.search.push import check_pushed, served_by

    loaded = load(folder)
    if not engine:
        return loaded
    check_pushed(loaded, engine)
    return served_by(loaded, engine)


def _worded(grades: str) -> dict[str, float]:
    from components.core.errors import ConfigError

    out = {}
    for pair in filter(None, grades.split(",")):
        word, _, number = pair.rpartition("=")
        try:
            out[word.strip()] = float(number)
        except ValueError:
            word = ""
        if not word.strip():
            raise ConfigError(f"--grades: '{pair}' is no word and number; write E=3,S=2,C=1,I=0.")
    return out


def _show_report(report: dict[str, Any], out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=max(110, Console().width), highlight=False)
    for reason, count in report["left_out"].items():
        examples = "; ".join(report["left_out_examples"].get(reason, []))
        console.print(f"{count:,} judgments {_plain(reason)}" + (f", as {_plain(examples)}" if examples else ""))
    table = Table("way", "NDCG@10", "95 %", "Recall@100", "MRR@10", "zero results", "p50 ms", "p99 ms")
    for mode, figures in report["modes"].items():
        main = figures["ndcg_at_10"]
        cells = [main["mean"], figures["recall_at_100"]["mean"], figures["mrr_at_10"]["mean"]]
        ndcg, recall, mrr = ("–" if c is None else f"{c:.4f}" for c in cells)
        interval = "–" if main["low"] is None else f"{main['low']:.3f} … {main['high']:.3f}"
        times = [f"{figures[name]:.1f}" for name in ("latency_p50_ms", "latency_p99_ms")]
        name = mode + (" (answers)" if mode == report["mode"] else "")
        table.add_row(name, ndcg, interval, recall, mrr, f"{figures['zero_result_rate']:.1%}", *times)
    console.print(table)
    console.print(f"{report['counted']:,} of {report['queries']:,} queries have a relevant item in the index")
    console.print(f"{out}: report.html, report.json, ranked.parquet")


def _show_build(items: Items, out: Path, told: dict[str, Any], seconds: float) -> None:
    from rich.console import Console
    from rich.table import Table

    from components.core.bundle import read_json
    from components.retrieval.vectors import LEAST_RECALL
    from components.search.load import META

    console = Console(width=max(100, Console().width), highlight=False)
    closing = Table("what", "found", title_justify="left")
    closing.add_row("items", f"{items.table.num_rows:,}")
    for role, names in items.found.items():
        closing.add_row(f"column of the {role}", _plain(", ".join(names) or "none"))
    for words, count in items.counts.items():
        closing.add_row(_plain(words), f"{count:,}")
    for remark in items.remarks:
        closing.add_row("note", _plain(remark))
    for words, value in told.items():
        closing.add_row(_plain(words), _plain(str(value)))
    if lists := read_json(out / META).get("lists"):
        kept = "" if lists["recall"] >= LEAST_RECALL else "; too little, so every query by meaning looks at all items"
        share = f"{lists['recall']:.1%} of the exact 100 nearest, by {lists['judges']} queries"
        closing.add_row("vectors", f"{share}, {lists['probed']} of {lists['lists']} lists looked into{kept}")
    closing.add_row("index", f"{out} ({_megabytes(out):.1f} MB, {seconds:.1f} s)")
    console.print(closing)


def _show_answer(index: SearchIndex, found: Any, filters: Any, seconds: float) -> None:
    from rich.console import Console
    from rich.table import Table

    from components.search.index import FALLBACKS

    console = Console(width=max(100, Console().width), highlight=False)
    if found.understood.corrected:
        console.print(f"taken as: {_plain(found.understood.corrected)}")
    if found.understood.dropped:
        console.print(f"nothing holds: {_plain(', '.join(found.understood.dropped))}")
    if found.fallback:
        console.print(FALLBACKS[found.fallback])
    table = Table("rank", "score", "item", "title", "category", "brand", "price")
    for rank, (item, score) in enumerate(zip(index.describe(found.hits.rows), found.hits.scores, strict=True), 1):
        price = "" if item["price"] is None else f"{item['price']:,.2f}"
        words = (item["item_id"], item["title"][:SHOWN_TITLE], " > ".join(item["category"]), item["brand"] or "")
        table.add_row(str(rank), f"{score:.3f}", *map(_plain, words), price)
    console.print(table)
    total, facets = index.facets(found, filters, 5)
    for name, values in facets.items():
        if values:
            console.print(f"{name}: " + ", ".join(f"{_plain(value)} ({count:,})" for value, count in values))
    console.print(f"{total:,} items match; {seconds * 1000:.1f} ms")


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
