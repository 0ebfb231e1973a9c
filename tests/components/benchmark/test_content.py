"""Models that use content are told what the item table of the benchmark's data says."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from components.__main__ import main
from components.benchmark import roster
from components.benchmark.fits import fit_key
from components.benchmark.material import recognise
from components.benchmark.protocols import Question, prepare, question, splitter
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


def sequences(folder, attributes=None):
    lines = [" ".join([f"u{u}", *(f"i{(u + step) % 20}" for step in range(6))]) for u in range(30)]
    (folder / "sequences.txt").write_text("\n".join(lines), encoding="utf-8")
    if attributes:
        (folder / "item_attributes.json").write_text(json.dumps(attributes), encoding="utf-8")
    return folder


def test_what_cleaning_fills_in_for_bare_sequences_is_no_content(tmp_path):
    known = {}
    for name, attributes in (("bare", None), ("told", {f"i{n}": [n % 3] for n in range(20)})):
        (tmp_path / name).mkdir()
        material = recognise(sequences(tmp_path / name, attributes))
        prepared = prepare(material, splitter("leave-last-out", material, {}), tmp_path / name / "work")
        known[name] = question(prepared, "test").with_content().content
    assert known["bare"] is None
    assert known["told"].words is None
    assert known["told"].feature_names() == [f"tags=item_attributes:{n}" for n in range(3)]


def test_a_fit_is_found_again_only_where_what_it_read_is_the_same(tmp_path):
    """What items are counts for models that read it, and for no other."""
    lines = roster.presets(timed=False)
    keys = {"popularity": set(), "two_tower": set()}
    for colours in (3, 3, 4):
        material = recognise(sequences(tmp_path, {f"i{n}": [n % colours] for n in range(20)}))
        prepared = prepare(material, splitter("leave-last-out", material, {}), tmp_path / "work")
        for name, found in keys.items():
            found.add(fit_key(lines[name], question(prepared, "test"), seed=7))
    assert {name: len(found) for name, found in keys.items()} == {"popularity": 1, "two_tower": 2}


@pytest.mark.slow
def test_models_that_know_items_by_content_alone_are_refused_in_words_where_there_is_none(tmp_path):
    lines = "models: {towers: {component: two_tower, params: {content: require, text: cnn}}}"
    (tmp_path / "lines.yaml").write_text(lines, encoding="utf-8")
    arguments = ["--protocol", "leave-last-out", "--models", "popularity,content_mlp,content_cnn,towers"]
    arguments += ["--params", str(tmp_path / "lines.yaml"), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(main, ["benchmark", "--data", str(sequences(tmp_path)), *arguments])
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "out/report.json").read_text(encoding="utf-8"))
    assert list(report["entries"]) == ["popularity"]
    reasons = {failed["name"]: failed["reason"] for failed in report["failed"]}
    assert reasons["content_mlp"].startswith("content_mlp: nothing is known of the items")
    assert reasons["content_cnn"].startswith("content_cnn: text: cnn reads titles") and "towers" in reasons
