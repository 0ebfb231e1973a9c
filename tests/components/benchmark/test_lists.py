import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp

from components.benchmark.entrant import TopK
from components.benchmark.lists import read_lists, write_lists
from components.core.dataset import Histories
from components.core.errors import DataError
from components.core.vocabulary import Vocabulary
from components.evaluation.protocol import Task

ITEMS = Vocabulary.fit(["a", "b", "c"])
TASK = Task(np.array(["u2", "u1"]), Histories.of([[0], [1]], [[1], [1]], 2), {"new": sp.csr_matrix((2, 3))}, 3)


def parquet(path, **columns):
    pq.write_table(pa.table(columns), path)
    return path


def test_what_is_written_is_read_back_in_the_order_of_the_users(tmp_path):
    lists = TopK(np.array([[2, 0], [1, -1]], np.int32), np.array([[3, 1], [2, 0]], np.float32))
    write_lists(tmp_path / "l.parquet", lists, TASK.user_ids, ITEMS)
    assert pq.read_table(tmp_path / "l.parquet").to_pydict() == {
        "user_id": ["u2", "u2", "u1"],
        "item_id": ["c", "a", "b"],
        "rank": [1, 2, 1],
        "score": [3, 1, 2],
    }
    read = read_lists(tmp_path / "l.parquet", TASK, ITEMS, 2)
    assert read.items.tolist() == lists.items.tolist() and not read.remarks


def test_scores_order_lists_without_ranks_and_unknown_items_keep_their_place(tmp_path):
    file = parquet(tmp_path / "l.parquet", user_id=["u1", "u1", "x"], item_id=["a", "new", "a"], score=[1.0, 2.0, 3.0])
    read = read_lists(file, TASK, ITEMS, 2)
    assert read.items.tolist() == [[-1, -1], [-1, 0]]
    assert (read.strangers, read.silent, read.unknown) == (1, 1, 1)


def test_only_the_first_k_places_count(tmp_path):
    file = parquet(tmp_path / "l.parquet", user_id=["u1"] * 3, item_id=["a", "b", "c"], rank=[3, 1, 2])
    assert read_lists(file, TASK, ITEMS, 2).items.tolist() == [[-1, -1], [1, 2]]


def test_an_item_stands_where_its_rank_says_and_a_rank_that_no_row_has_is_a_miss(tmp_path):
    file = parquet(tmp_path / "l.parquet", user_id=["u1", "u1", "u2"], item_id=["a", "b", "c"], rank=[2, 11, 11])
    read = read_lists(file, TASK, ITEMS, 10)
    assert read.items[1].tolist() == [-1, 0] + [-1] * 8, "ranks 1 and 3 to 10 have no item, rank 11 is beyond the list"
    assert read.items[0].tolist() == [-1] * 10
    assert read.gaps == 9 + 10 and "count as misses" in read.remarks[-1]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"user_id": ["u1"], "item_id": ["a"]}, "column rank or score is missing"),
        ({"user_id": ["u1"], "rank": [1]}, "column item_id is missing"),
        ({"user_id": ["u1", "u1"], "item_id": ["a", "a"], "rank": [1, 2]}, "names an item twice"),
        ({"user_id": ["u1"], "item_id": ["a"], "rank": [0]}, "ranks are whole numbers from 1"),
        ({"user_id": ["u1"], "item_id": ["a"], "score": [math.nan]}, "a score is missing or NaN"),
        ({"user_id": [None], "item_id": ["a"], "rank": [1]}, "an id is missing"),
        ({"user_id": [["u1"]], "item_id": ["a"], "rank": [1]}, "column user_id holds list"),
        ({"user_id": ["u1"], "item_id": ["a"], "rank": ["1"]}, "column rank holds string; write it as numbers"),
        ({"user_id": ["u1"], "item_id": ["a"], "score": ["0.5"]}, "column score holds string"),
        ({"user_id": ["u1"], "item_id": ["a"], "score": [[0.5]]}, "column score holds list"),
        ({"user_id": ["u1"], "item_id": ["a"], "rank": [None]}, "column rank holds null"),
        ({"user_id": ["u1"] * 2, "item_id": ["a", "b"], "rank": [1, 1]}, "user 'u1' has two items at rank 1;"),
        ({"user_id": ["u1"] * 2, "item_id": ["a", "b"], "rank": [math.nan] * 2}, "ranks are whole numbers from 1"),
        ({"user_id": ["u1"], "item_id": ["a"], "rank": [math.inf]}, "ranks are whole numbers from 1"),
        ({"user_id": ["u1"], "item_id": ["a"], "rank": [1.5]}, "ranks are whole numbers from 1"),
    ],
)
def test_a_file_that_is_no_lists_is_refused(tmp_path, columns, words):
    with pytest.raises(DataError, match=rf"l\.parquet.*{words}"):
        read_lists(parquet(tmp_path / "l.parquet", **columns), TASK, ITEMS, 2)


def test_equal_scores_keep_the_order_of_the_file_and_whole_scores_are_taken(tmp_path):
    whole = pa.array([3, 5, 3], pa.uint8())
    file = parquet(tmp_path / "l.parquet", user_id=["u1"] * 3, item_id=["c", "b", "a"], score=whole)
    assert read_lists(file, TASK, ITEMS, 3).items.tolist() == [[-1, -1, -1], [1, 2, 0]]


def test_a_file_without_rows_is_lists_of_nobody(tmp_path):
    empty = pa.array([], pa.string())
    file = parquet(tmp_path / "l.parquet", user_id=empty, item_id=empty, rank=pa.array([], pa.int32()))
    read = read_lists(file, TASK, ITEMS, 1)
    assert read.items.tolist() == [[-1], [-1]] and read.silent == 2


def test_bytes_that_are_no_parquet_are_refused(tmp_path):
    (tmp_path / "l.parquet").write_bytes(b"not parquet")
    with pytest.raises(DataError, match="cannot be read as parquet"):
        read_lists(tmp_path / "l.parquet", TASK, ITEMS, 2)
