"""Item content: codes by name, price bands, title words, Chinese by characters."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core import schema
from components.core.errors import BundleError
from components.core.vocabulary import Vocabulary
from components.features import content
from components.features.content import ContentConfig, content_of, tokens

ITEMS = Vocabulary.fit(["a", "b", "c", "d"])


def columns(**given):
    empty = {name: [None] * 3 for name in content.COLUMNS}
    return empty | {schema.ITEM_ID: ["d", "a", "b"]} | given


def test_codes_are_in_the_order_of_the_catalogue_and_carry_their_labels():
    found = content_of(columns(brand=["Ours", "Theirs", None]), ITEMS, ContentConfig())
    assert list(found.codes) == ["brand"], "an attribute nobody has is left out"
    assert found.codes["brand"].tolist() == [1, -1, -1, 0]
    assert found.feature_names() == ["brand=Ours", "brand=Theirs"]


def test_other_attributes_are_tags_by_word_where_two_items_share_them():
    given = ['{"colour": "dark blue"}', '{"colour": "blue"}', "no JSON"]
    found = content_of(columns(attributes=given), ITEMS, ContentConfig())
    assert found.tags.toarray().tolist() == [[1], [0], [0], [1]] and found.feature_names() == ["tags=colour:blue"]


def test_price_bands_hold_equally_many_items():
    found = content_of(columns(price=[9.0, 1.0, 2.0]), ITEMS, ContentConfig(price_bands=3))
    assert found.codes["price_band"].tolist() == [0, 1, -1, 2]


def test_a_fold_knows_only_the_prices_of_its_own_history(tmp_path):
    bought = [("a", "purchase", 6.0, 2.0), ("a", "purchase", 5.0, 1.0), ("b", "view", 7.0, 1.0),
              ("b", "purchase", None, 1.0),
              ("d", "rating", 4.0, 1.0), ("d", "purchase", 0.5, 1.0), ("d", "purchase", 9.0, 0.0)]  # fmt: skip
    names = (schema.ITEM_ID, schema.EVENT_TYPE, schema.VALUE, schema.QUANTITY)
    history = tmp_path / "history.parquet"
    pq.write_table(pa.table(dict(zip(names, zip(*bought, strict=True), strict=True))), history)
    found = content.known_then(columns(price=[9.0, 1.0, 2.0]), history)
    assert dict(zip(found[schema.ITEM_ID], found[schema.PRICE], strict=True)) == {"d": 0.5, "a": 4.0, "b": 2.0}
    assert content.known_then(columns(), history) == columns()


def test_words_that_two_titles_hold_are_numbered_the_more_frequent_first():
    found = content_of(columns(title=["Green tea", "green Bag", "Tea green"]), ITEMS, ContentConfig(title_words=3))
    assert found.words.tolist() == [[1, 0, 0], [2, 1, 0], [0, 0, 0], [1, 2, 0]]


def test_what_cleaning_filled_in_says_nothing_of_an_item():
    titles = ["Item d", "Item a", "Item 7"]
    given = columns(brand=["unknown", "Ours", "unknown"], category=["unknown"] * 3, title=titles)
    found = content_of(given, ITEMS, ContentConfig())
    assert list(found.codes) == ["brand"] and found.feature_names() == ["brand=Ours"]
    assert found.words is None, "one title is left, which shares no word"
    assert not content_of(columns(brand=["unknown"] * 3), ITEMS, ContentConfig()).says_something


def test_content_without_words_is_read_back(tmp_path):
    content.save(tmp_path / "content", content_of(columns(brand=["Ours"] * 3), ITEMS, ContentConfig()), ITEMS)
    found = content.load(tmp_path / "content", ITEMS, np.zeros((4, 0), dtype=np.float32))
    assert found.words is None and found.feature_names() == ["brand=Ours"]


def test_chinese_is_read_by_characters():
    assert tokens("Tea 有机牛奶 2kg茶") == ["tea", "有", "机", "牛", "奶", "2kg", "茶"]


def test_what_was_saved_is_read_back_and_another_catalogue_is_refused(tmp_path):
    given = columns(brand=["Ours", None, None], title=["x y", "y", "x"], attributes=['{"k": "v"}'] * 3)
    given = content_of(given, ITEMS, ContentConfig())
    content.save(tmp_path / "content", given, ITEMS)
    vectors = np.ones((4, 2), dtype=np.float32)
    found = content.load(tmp_path / "content", ITEMS, vectors)
    assert found.feature_names() == given.feature_names() and found.words.tolist() == given.words.tolist()
    assert (found.features() != given.features()).nnz == 0 and found.vectors is vectors
    with pytest.raises(BundleError, match="another catalogue"):
        content.load(tmp_path / "content", Vocabulary.fit(["a"]), vectors)
