"""Models that use content are told what the item table of the benchmark's data says."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.benchmark.protocols import Question
from components.core.dataset import Dataset


def test_the_attributes_of_bare_sequences_reach_the_models(tmp_path):
    (tmp_path / "clean").mkdir()
    rows = {"item_id": ["1", "2", "9"], "attributes": ['{"attributes": "7 8"}', '{"attributes": "7"}', "{}"]}
    pq.write_table(pa.table(rows), tmp_path / "clean" / "items.parquet")
    data = Dataset.from_events(np.array(["u", "u"]), np.array(["1", "2"]), np.array([1, 2]), 9)
    known = Question("test", data, None, "", tmp_path / "test").with_content()
    assert known.content.feature_names() == ["tags=attributes:7"]
    assert known.content.features().toarray().tolist() == [[1], [1]]


def test_without_an_item_table_there_is_no_content(tmp_path):
    data = Dataset.from_events(np.array(["u"]), np.array(["1"]), np.array([1]), 9)
    assert Question("test", data, None, "", tmp_path / "test").with_content().content is None
