"""Models that use content are told what the item table of the benchmark's data says."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from components.__main__ import main
from components.benchmark import roster
from components.benchmark.contest import Contest
from components.benchmark.entrant import Spec
from components.benchmark.fits import fit_key
from components.benchmark.material import recognise
from components.benchmark.protocols import Question, prepare, question, splitter
from components.benchmark.tuning import Search, TuneConfig
from components.core import bundle
from components.core.dataset import Dataset
from components.core.errors import ConfigError


def test_the_attributes_of_bare_sequences_reach_the_models(tmp_path):
    (tmp_path / "clean").mkdir()
    rows = {"item_id": ["1", "2", "9"], "attributes": ['{"attributes": "7 8"}', '{"attributes": "7"}', "{}"]}
    pq.write_table(pa.table(rows), tmp_path / "clean" / "items.parquet")
    data = Dataset.from_events(np.array(["u", "u"]), np.array(["1", "2"]), np.array([1, 2]), 9)
    known = Question(data, None, "", tmp_path / "test").with_content()
    assert known.content.feature_names() == ["tags=attributes:7"]
    assert known.content.features().toarray().tolist() == [[1], [1]]


def test_without_an_item_table_there_is_no_content(tmp_path):
    data = Dataset.from_events(np.array(["u"]), np.array(["1"]), np.array([1]), 9)
    assert Question(data, None, "", tmp_path / "test").with_content().content is None


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


def test_prices_of_the_history_count_for_models_that_read_what_items_are_and_for_no_other(tmp_path):
    material = recognise(sequences(tmp_path, {f"i{n}": [n % 3] for n in range(20)}))
    prepared = prepare(material, splitter("leave-last-out", material, {}), tmp_path / "work")
    before, history = question(prepared, "test"), prepared / "test/history.parquet"
    digests = [before.digest_for(reads) for reads in (False, True)]
    table = pq.read_table(history)
    dearer = pa.array([9.0] * len(table), table.schema.field("value").type)
    pq.write_table(table.set_column(table.schema.get_field_index("value"), "value", dearer), history)
    after = question(prepared, "test")
    assert [after.digest_for(reads) == was for reads, was in zip((False, True), digests, strict=True)] == [True, False]


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


def started_from(folder):
    """A line of a model that starts from another's bundle."""
    return Spec("begun", "two_tower", {"start_from": str(folder)})


@pytest.mark.slow
def test_what_started_from_another_model_is_found_again_only_while_that_model_is_the_same(tmp_path):
    from components.deep._journal import key_of as journal_key  # imports TensorFlow

    material = recognise(sequences(tmp_path))
    asked = question(prepare(material, splitter("leave-last-out", material, {}), tmp_path / "work"), "test")
    lines = {"begun": started_from(tmp_path / "other"), "joined": Spec("joined", "fusion", {"weights": {"begun": 1.0}})}
    contest = Contest(lines, asked, ("new",), 10, tmp_path / "work", 1)
    known = []
    for value in (1.0, 1.0, 2.0):
        bundle.write(tmp_path / "other", {"kind": "model"}, arrays={"tower_vectors": np.full((1, 8), value)})
        training = journal_key(lines["begun"].model(), asked.data, np.random.default_rng(0))
        study = Search(TuneConfig(), lines, asked, "new", 10, tmp_path, False, print)._identity(lines["joined"])
        known.append((fit_key(lines["begun"], asked, 7), *(contest.key(name, 7) for name in lines), training, study))
    first, same, other = known
    assert first == same
    assert not set(first) & set(other), "the fit, its lists, whoever joins it, its checkpoint, and what was tried of it"


def test_a_model_to_start_from_that_is_not_there_is_named_before_anything_is_fitted(tmp_path):
    (tmp_path / "a_file").write_text("{}", encoding="utf-8")
    for missing in (tmp_path / "nowhere", tmp_path / "a_file"):
        with pytest.raises(ConfigError, match=rf"^two_tower: start_from: {missing} is no folder of a model.*[^.]\.$"):
            roster.able({"begun": started_from(missing)}, ["begun"], repeats=False)
