"""A file per day: what was judged is not read again, and the result is that of all files at once, row for row."""

import random

import pyarrow.parquet as pq
import pytest

from components.core import layout
from components.core.errors import DataError
from components.data.arrivals import add
from components.data.pin import write_pin
from components.quality.thresholds import Threshold
from components.steps.clean import CleanConfig, clean
from components.steps.validate import ValidateConfig, validate
from tests.data.hostile.shop import project

pytestmark = pytest.mark.slow
HEADER = "user,item,when,paid\n"
COLUMNS = {"user_id": "user", "item_id": "item", "timestamp": "when", "value": "paid"}
DAYS = [
    ["u1,a,2024-01-01T10:00:00,1.5", "u2,b,2024-01-01T11:00:00,-3", "u3,c,2024-01-01T12:00:00,two"],
    ["u1,a,2024-01-02T10:00:00,2.5", "u2,late,2023-12-30T10:00:00,1", "broken"],
    ["u1,a,2024-01-01T10:00:00,1.5", "u4,unheard,2024-01-03T10:00:00,4", ",a,2024-01-03T11:00:00,1"],
]
ITEMS = [["a,Apple", "b,Bread"], ["c,Cheese", "late,Late"]]


def text(lines, header=HEADER):
    return header + "".join(f"{line}\n" for line in lines)


def config_of(choice, **more):
    return ValidateConfig(source=choice, max_quarantined_share=0.9, **more)


@pytest.fixture
def shop(tmp_path):
    """A project whose interactions and items are folders; `put` lays a file there and pins it."""
    return Shop(tmp_path)


class Shop:
    """One project."""

    def __init__(self, folder, days=("day1",), **more):
        raw = folder / "raw"
        for name in ("orders", "products"):
            (raw / name).mkdir(parents=True)
        (raw / "orders" / "day1.csv").write_text(text(DAYS[0]))
        (raw / "products" / "items1.csv").write_text(text(ITEMS[0], "sku,name\n"))
        items = {"files": f"{raw}/products/*.csv", "columns": {"item_id": "sku", "title": "name"}}
        interactions = {"files": f"{raw}/orders/*.csv", "columns": COLUMNS}
        self.root = folder / "project"
        self.root.mkdir()
        choice = project(self.root, {"interactions": interactions, "items": items})
        self.config = config_of(choice, **({"thresholds": LISTED} | more))

    def put(self, name, content):
        """Write raw files (None: take them away) and pin them."""
        path = self.root / layout.DATA / name
        if content is None:
            path.unlink()
        else:
            path.write_text(content)
        write_pin(self.root / layout.DATA, self.root / layout.DATA_PIN)

    def validate(self):
        """Run the step; returns its metrics."""
        return validate(self.config, self.root, 0).metrics

    def rows(self, folder, table="interactions"):
        """All rows of a table, sorted, whatever files they are in."""
        home = self.root / folder
        files = (
            [home / f"{table}.parquet"] if (home / f"{table}.parquet").is_file() else sorted((home / table).glob("*"))
        )
        found = [row for file in files for row in pq.read_table(file).to_pylist()]
        return sorted(found, key=lambda row: sorted((k, str(v)) for k, v in row.items()))

    def everything(self):
        """What a run leaves, clean tables included."""
        clean(CleanConfig(), self.root, 0)
        folders = (layout.VALIDATED, layout.QUARANTINE, layout.CLEAN)
        tables = ("interactions", "items", "interactions.rejected")
        return {(str(folder), table): self.rows(folder, table) for folder in folders for table in tables}


# An item may be listed by a later file: whether a row is good then hangs on other files.
LISTED = {"interactions.item_listed": Threshold(outcome="quarantine"), "items_fit": Threshold(mostly=0.1)}


def test_a_new_day_is_judged_and_the_old_ones_are_not_read_again(shop):
    metrics = shop.validate()
    assert (metrics["files_known"], metrics["files_new"]) == (0, 2)
    shop.put("interactions/day2.csv", text(DAYS[1]))
    metrics = shop.validate()
    assert (metrics["files_known"], metrics["files_new"], metrics["rows"]) == (2, 1, 7)
    assert len(list((shop.root / layout.VALIDATED / "interactions").iterdir())) == 2


def test_what_was_landed_before_is_not_parsed_again(shop, monkeypatch):
    from components.data.sources.tables import Tables

    shop.validate()
    shop.put("interactions/day2.csv", text(DAYS[1]))
    seen = []
    whole = Tables.land_file

    def land_file(self, name, file, folder, work):
        seen.append(file.name)
        whole(self, name, file, folder, work)

    monkeypatch.setattr(Tables, "land_file", land_file)
    shop.validate()
    assert seen == ["day2.csv"]


def test_an_altered_part_is_made_again(shop):
    shop.validate()
    before = shop.rows(layout.VALIDATED)
    (part,) = (shop.root / layout.PARTS).glob("judged/*/interactions.accepted.parquet")
    content = bytearray(part.read_bytes())
    part.unlink()  # validated/ holds the same file
    content[len(content) // 2] ^= 255
    part.write_bytes(bytes(content))
    assert shop.validate()["files_new"] == 1
    assert shop.rows(layout.VALIDATED) == before


def test_other_rules_judge_every_file_again(shop):
    shop.validate()
    looser = shop.config.thresholds | {"interactions.value_in_range": Threshold(min=-10)}
    shop.config = shop.config.model_copy(update={"thresholds": looser})
    assert shop.validate()["files_new"] == 2
    assert {row["rule"] for row in shop.rows(layout.QUARANTINE)} == {"item_listed", "readable"}


def test_rows_wait_in_quarantine_until_their_item_is_listed(shop):
    shop.validate()
    assert "item_listed" in {row["rule"] for row in shop.rows(layout.QUARANTINE)}
    shop.put("items/items2.csv", text(ITEMS[1], "sku,name\n"))
    assert shop.validate()["files_known"] == 2
    assert {row["rule"] for row in shop.rows(layout.QUARANTINE)} == {"readable", "value_in_range"}


def test_a_file_that_is_gone_takes_its_rows_along(shop):
    shop.put("interactions/day2.csv", text(DAYS[1]))
    shop.validate()
    shop.put("interactions/day1.csv", None)
    metrics = shop.validate()
    assert (metrics["files_new"], metrics["rows"], metrics["rejected_lines"]) == (0, 4, 1)
    assert {row["source_file"] for row in shop.rows(layout.VALIDATED)} == {"interactions/day2.csv"}


def test_a_run_that_stops_leaves_the_tables_and_the_report(shop):
    shop.validate()
    before = shop.rows(layout.VALIDATED)
    shop.put("interactions/day2.csv", text(["u1,a,2024-01-02T10:00:00,x"] * 20))
    strict = shop.config
    shop.config = strict.model_copy(update={"max_quarantined_share": 0.5})
    with pytest.raises(DataError, match="set aside"):
        shop.validate()
    assert shop.rows(layout.VALIDATED) == before
    assert not list(shop.root.glob("artifacts/.*"))


def split(lines, rng, n):
    """Lines in n files, at random, each at least one."""
    homes = [*range(n), *(rng.randrange(n) for _ in range(len(lines) - n))]
    rng.shuffle(homes)
    return [[line for line, home in zip(lines, homes, strict=True) if home == i] for i in range(n)]


@pytest.mark.parametrize("seed", range(3))
def test_file_by_file_in_any_order_is_all_files_at_once(seed, tmp_path):
    rng = random.Random(seed)
    good = [f"u{i % 5},{'abc'[i % 3]},2024-01-{1 + i % 28:02}T10:00:00,{i}.25" for i in range(30)]
    events = split([line for day in DAYS for line in day] + good + good[:4], rng, 4)
    items = split([line for part in ITEMS for line in part], rng, 2)
    files = [(f"interactions/part{i}.csv", text(lines)) for i, lines in enumerate(events)]
    files.append(("items/items2.csv", text(items[1], "sku,name\n")))
    rng.shuffle(files)
    daily, whole = Shop(tmp_path / "daily"), Shop(tmp_path / "whole")
    for shop in (daily, whole):
        shop.put("interactions/day1.csv", text([f"u9,{i},2024-01-05T10:00:00,1" for i in ("a", "b", "c", "late")]))
        shop.put("items/items1.csv", text(items[0], "sku,name\n"))
    assert daily.validate()["files_new"] == 2
    for name, content in files:
        daily.put(name, content)
        assert daily.validate()["files_new"] == 1
        whole.put(name, content)
    assert whole.validate()["files_known"] == 0
    assert daily.everything() == whole.everything()


def test_a_new_file_comes_in_whole_and_pinned_or_not_at_all(shop, tmp_path):
    source = shop.config.source.open()
    day2 = tmp_path / "day2.csv"
    day2.write_text(text([*DAYS[1], DAYS[1][0]]))
    _, (arrival,) = add(shop.root, source, "interactions", [day2])
    assert (arrival.name, arrival.rows, arrival.rejected, arrival.repeated) == ("interactions/day2.csv", 3, 1, 1)
    assert shop.validate()["files_new"] == 3
    with pytest.raises(DataError, match=r"interactions/day2.csv is in data/ already, byte for byte"):
        add(shop.root, source, "interactions", [day2])
    day2.rename(tmp_path / "day3.csv")
    with pytest.raises(DataError, match=r"day3.csv has the very bytes of interactions/day2.csv"):
        add(shop.root, source, "interactions", [tmp_path / "day3.csv"])
    day2.write_text(text(DAYS[2]))
    with pytest.raises(DataError, match=r"day2.csv is in data/ with other bytes"):
        add(shop.root, source, "interactions", [day2])
    day2.write_bytes(b"\x00\x01not a table")
    with pytest.raises(DataError):
        add(shop.root, source, "interactions", [day2])
    with pytest.raises(DataError, match="no raw table 'orders'; it has interactions, items"):
        add(shop.root, source, "orders", [day2])
    assert shop.validate()["files_known"] == 3
    assert not list(shop.root.glob(".arrivals"))


def test_parts_that_name_a_forgotten_person_are_found_and_made_again(shop):
    from components.forgetting.artifacts import find_artifacts
    from components.forgetting.person import Person

    shop.put("interactions/day2.csv", text(["u8,a,2024-01-02T10:00:00,1"]))
    shop.validate()
    found = find_artifacts(shop.root, Person("u8", frozenset({"u8"}), frozenset({"user_id"})))
    parts = [trace for trace in found if trace.place.startswith("artifacts/parts/")]
    assert sorted(trace.place.split("/")[2] for trace in parts) == ["judged", "landed"]
    for trace in parts:
        trace.remove()
    assert shop.validate()["files_new"] == 1
