import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core.errors import DataError
from components.search.items import read_items


def write(folder, **columns):
    pq.write_table(pa.table(columns), folder / "items.parquet")
    return folder / "items.parquet"


def test_odd_rows_are_handled_and_counted(tmp_path):
    file = write(
        tmp_path,
        SKU=["a", "a", "b", "c", "d", None, "e"],
        Product_Name=["Milk", "Milk again", "", "", "x" * 10_000, "no id", "nul\0byte"],
        Category=["Food > Dairy", None, "Toys", None, None, None, "Home / Kitchen"],
        List_Price=["€ 1.299,50", "2", "-1", "3", "1,299.5", "1", "12,5"],
    )
    items = read_items(file, {})
    rows = {row["item_id"]: row for row in items.table.to_pylist()}
    assert list(rows) == ["a", "b", "d", "e"]
    assert [rows[key]["price"] for key in rows] == [1299.5, None, 1299.5, 12.5]
    assert rows["a"]["category"] == ["Food", "Dairy"]
    assert rows["e"]["category"] == ["Home", "Kitchen"]
    assert rows["e"]["title"] == "nul byte"
    assert len(rows["d"]["title"]) == 1000
    assert items.counts == {
        "copies of an id, the first is kept": 1,
        "empty titles": 2,
        "without any words, left out": 1,
        "titles cut at 1,000 characters": 1,
        "without an id, left out": 1,
        "texts with NUL bytes, taken out": 1,
        "prices below zero or not finite, unknown": 1,
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("items.csv", "编号,商品名称,库存\n1,牛奶,有货\n2,面包,缺货\n"),
        ("items.tsv", "id\tname\tin_stock\n1\t牛奶\tyes\n2\t面包\tno\n"),
        ("items.jsonl", '{"id": 1, "title": "牛奶", "stock": 1}\n{"id": 2, "title": "面包", "stock": 0}\n'),
    ],
)
def test_columns_are_guessed_in_every_format(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    rows = read_items(tmp_path / name, {}).table.to_pylist()
    assert [(row["item_id"], row["title"], row["stock"]) for row in rows] == [("1", "牛奶", 1.0), ("2", "面包", 0.0)]


def test_canonical_items_of_a_run_are_found_in_its_folder(tmp_path):
    (tmp_path / "artifacts" / "clean").mkdir(parents=True)
    write(
        tmp_path / "artifacts" / "clean",
        item_id=["1"], title=["Yogurt"], department=["GROCERY"], category=["DAIRY"], subcategory=["YOGURT"],
        brand=["unknown"], package_size=["6 OZ"],
    )  # fmt: skip
    row = read_items(tmp_path, {}).table.to_pylist()[0]
    assert row["category"] == ["GROCERY", "DAIRY", "YOGURT"]
    assert row["text"] == "6 OZ"
    assert not row["brand"]  # the word for what the shop does not know is no brand


@pytest.mark.parametrize(
    ("given", "words"),
    [({}, "no column looks like the title; name it with --title"), ({"title": ["nme"]}, "'nme', which is no column")],
)
def test_what_cannot_be_guessed_is_asked_for(tmp_path, given, words):
    file = write(tmp_path, id=["1"], what=["Milk"])
    with pytest.raises(DataError, match=words):
        read_items(file, given)
    assert read_items(file, {"title": ["what"]}).table.num_rows == 1


def test_nothing_to_search_is_an_error(tmp_path):
    with pytest.raises(DataError, match="not one row can be searched"):
        read_items(write(tmp_path, id=["1"], title=[""]), {})
