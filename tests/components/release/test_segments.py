"""Somebody nobody knows is given what people of the same attributes buy."""

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core import layout, schema
from components.core.dataset import Dataset
from components.release.assemble import assemble
from components.release.load import load
from components.release.release import POPULAR, SEGMENT, Question
from components.release.segments import Segments, segments

PEOPLE = 60


@pytest.fixture(scope="module")
def known():
    """Even people buy tea, odd ones coffee; everybody buys bread, which is bought most."""
    users = [f"u{n:02}" for n in range(PEOPLE)]
    bought = [(u, "bread") for u in users] + [(u, "tea" if n % 2 == 0 else "coffee") for n, u in enumerate(users)]
    ids, items = (np.array(column) for column in zip(*bought, strict=True))
    return Dataset.from_events(ids, items, np.arange(len(ids)), 1000)


def users_file(folder, ids):
    table = pa.table(
        {
            schema.USER_ID: ids,
            "town": ["Ulm" if n % 2 == 0 else "Bonn" for n in range(len(ids))],
            "age": ["18-24" if n < 5 else "unknown" for n in range(len(ids))],  # five are too few to be told of
            "attributes": [None] * len(ids),
        }
    )
    pq.write_table(table, folder / "users.parquet")
    return folder / "users.parquet"


def test_segments_have_enough_people_and_lead_to_what_these_buy(known, tmp_path):
    made = segments(users_file(tmp_path, known.users.ids.tolist()), known)
    assert made.names == (("town", "bonn"), ("town", "ulm"))
    made.save(tmp_path / "segments")
    back = Segments.load(tmp_path / "segments")
    for town, second in (("ULM", "tea"), ("Bonn", "coffee")):
        order = back.popular([("Town", town), ("age", "18-24")]).order
        assert known.items.decode(order).tolist()[:2] == ["bread", second]
    assert back.popular([("town", "Paris"), ("shoe size", "44")]) is None


def test_without_a_users_table_there_are_no_segments(known, tmp_path):
    assert segments(tmp_path / "users.parquet", known) is None


def test_a_release_answers_strangers_by_their_attributes_and_says_so(trained_shop, tmp_path):
    root = shutil.copytree(trained_shop, tmp_path / "shop")
    ids = [f"u{n:02}" for n in range(48)]
    users_file(root / layout.CLEAN, ids)
    assemble(root, "shop", {})
    release = load(root / layout.RELEASE)
    asked = (("town", "ulm"),)
    assert release.recommend(Question(user_id="stranger", attributes=asked)).fallback == SEGMENT
    assert release.recommend(Question(user_id="stranger", attributes=(("town", "paris"),))).fallback == POPULAR
    plain, told = (release.recommend(Question(user_id="u00", attributes=a)) for a in ((), asked))
    assert told.fallback is None
    assert np.array_equal(plain.items, told.items), "who has a history is known by that"
