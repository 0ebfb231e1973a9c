"""Lineage of a real project: from an artifact or a release back to the raw files; every altered link is named."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from components.__main__ import main
from components.core import bundle, layout
from components.core.bundle import read_json, verify
from components.data.pin import read_pin
from components.online.address import open_store
from components.online.store import Exposure
from components.splits import store
from components.steps.receipt import read_receipt
from components.tracking.registry import DIGEST_TAG, ModelRegistry

pytestmark = pytest.mark.slow


def ask(name):
    answer = CliRunner().invoke(main, ["lineage", name])
    return answer.exit_code, answer.output


def test_a_model_is_traced_back_to_every_raw_file(shop):
    code, said = ask("artifacts/models/item_knn")
    assert code == 0, said
    for link in ("step train-item_knn", "artifacts/split", "step clean", "step validate", "privacy.json"):
        assert link in said
    _, pinned = read_pin(shop / layout.DATA_PIN)
    for name, md5 in pinned.items():
        assert f"data/{name}" in said
        assert md5 in said
    assert "source component=complete_journey, pseudonymise=True" in said
    assert "components item_knn 1" in said
    assert "its manifest names data_digest" in said
    assert "MLflow run not recorded" not in said
    assert said.rstrip().endswith("every link holds")


def test_every_receipt_names_data_source_components_engine_and_code(shop):
    digest, _ = read_pin(shop / layout.DATA_PIN)
    for path in (shop / layout.RECEIPTS).glob("*.json"):
        origin = read_receipt(path).origin
        assert origin["data_digest"] == digest
        assert origin["source"]["component"] == "complete_journey"
        assert len(origin["code"]) == 64
    assert read_receipt(shop / layout.RECEIPTS / "validate.json").origin["components"] == {"complete_journey": 1}
    assert read_receipt(shop / layout.RECEIPTS / "clean.json").origin["engine"] == "duckdb"


def test_every_sealed_bundle_names_the_data_and_the_source(shop):
    digest, _ = read_pin(shop / layout.DATA_PIN)
    outermost = [p.parent for p in (shop / layout.ARTIFACTS).rglob(bundle.MANIFEST) if "release/" not in str(p.parent)]
    assert len(outermost) >= 12
    for folder in outermost:
        provenance = verify(folder)
        assert (provenance["data_digest"], len(provenance["source_digest"])) == (digest, 64), folder
        origin = read_receipt(shop / layout.RECEIPTS / f"{provenance['step']}.json").origin
        assert (provenance["config_digest"], provenance["components"]) == (
            origin["config_digest"],
            origin["components"],
        )
    model = verify(shop / layout.ARTIFACTS / "models/item_knn" / layout.TEST_FOLD)
    assert (model["step"], model["components"]) == ("train-item_knn", {"item_knn": 1})


def test_what_differs_in_provenance_only_is_the_same_release(shop, run):
    first = read_json(shop / layout.REGISTRATION / "registered.json")
    pin = json.loads(json.dumps((shop / layout.DATA_PIN).read_text()))
    (shop / layout.DATA_PIN).write_text(pin.replace(read_pin(shop / layout.DATA_PIN)[0], "0" * 32 + ".dir"))
    run(shop, "register")
    again = read_json(shop / layout.REGISTRATION / "registered.json")
    assert again["release_digest"] == first["release_digest"]
    assert verify(shop / layout.RELEASE)["data_digest"] == "0" * 32 + ".dir"


def test_altered_artifacts_stale_steps_and_altered_data_are_named(shop, run):
    items = shop / layout.CLEAN / "items.parquet"
    pq.write_table(pq.read_table(items).slice(1), items)
    code, said = ask("artifacts/split/test/dataset")
    assert code == 1
    assert "this changed since the step ran" in said
    assert "links do not hold: artifacts/clean" in said

    run(shop, "clean")
    (shop / layout.DATA / "products.parquet").unlink()
    pq.write_table(pa.table({"x": [1]}), shop / layout.DATA / "extra.parquet")
    code, said = ask("artifacts/clean")
    assert code == 1
    assert "2 links do not hold: data/products.parquet, data/extra.parquet" in said


def test_a_step_that_read_an_earlier_version_is_stale(shop, run):
    (shop / layout.SPLIT / layout.TEST_FOLD / store.TARGET).unlink()
    receipt = json.loads((shop / layout.RECEIPTS / "clean.json").read_text())
    receipt["wrote"]["artifacts/clean"] = "0" * 64
    bundle.write_json(shop / layout.RECEIPTS / "clean.json", receipt)
    code, said = ask("artifacts/split")
    assert code == 1
    assert "stale: split read an earlier version of it" in said


def test_a_release_is_traced_from_its_own_receipts_even_when_the_project_moved_on(shop):
    version = ModelRegistry(root=shop).versions()[0]
    digest = version.tags[DIGEST_TAG]
    for file in (shop / layout.RECEIPTS).glob("*.json"):
        file.unlink()
    for name in ("1", digest, digest[:8]):
        code, said = ask(name)
        assert code == 0, said
        assert "release version 1" in said
        assert digest in said
        assert "step train-popularity" in said
        assert "data/transactions.parquet" in said


def test_an_answer_is_traced_to_the_raw_files(shop):
    release = ModelRegistry(root=shop).versions()[0].tags[DIGEST_TAG]
    store = open_store(shop / layout.STATE, None)
    store.prepare()
    shown = {"user_id": "u1", "item_ids": ["i1", "i2"], "scores": [2.0, 1.0], "experiment": None, "variant": None}
    for request_id, digest in (("a" * 32, release), ("b" * 32, "f" * 64)):
        store.add_exposure(Exposure(request_id, release=digest, time=0.0, **shown))
    code, said = ask("a" * 32)
    assert code == 0, said
    for words in ("answer to request aaaa", "2 items: i1, i2", "release version 1", "data/transactions.parquet"):
        assert words in said
    assert "u1" not in said
    code, said = ask("b" * 32)
    assert code == 1
    assert "links do not hold: release ffffffffffff" in said


def test_a_release_whose_files_were_altered_is_broken(shop, tmp_path, monkeypatch):
    import sqlite3

    copy = tmp_path / "copied"
    version = ModelRegistry(root=shop).versions()[0]
    from pathlib import Path
    from shutil import copytree
    from urllib.parse import urlparse

    copytree(Path(urlparse(version.source).path), copy)
    (copy / "golden.json").write_text("[]")
    with sqlite3.connect(shop / "mlflow.db") as con:
        con.execute("update model_versions set source = ?, storage_location = ?", (copy.as_uri(), copy.as_uri()))
    code, said = ask("1")
    assert code == 1
    assert "golden.json was altered" in said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("7", "not in the registry"),
        ("nonsense", "no artifact of this project, no answer that was logged here, and no release"),
        ("expectations", "no s"),
    ],
)
def test_what_has_no_lineage_is_told_in_words(shop, name, words):
    code, said = ask(name)
    assert code == 2
    assert words in said
