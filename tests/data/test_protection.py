"""Persons are protected as their rows enter: pseudonyms of one key, the forgotten left out, raw ids where wanted."""

import pyarrow.parquet as pq
import pytest

from components.core import layout
from components.core import schema as s
from components.core.bundle import read_json
from components.core.errors import ConfigError
from components.core.privacy import read_privacy, settle_key, write_privacy
from components.core.pseudonyms import KEY_VARIABLE, PseudonymKey
from components.data.source import SourceChoice
from components.steps.ingest import IngestConfig, ingest
from components.steps.validate import ValidateConfig, validate

PSEUDONYMOUS = ValidateConfig(source=SourceChoice(pseudonymise=True), max_quarantined_share=0.1)


def user_ids(root, table):
    return set(pq.read_table(root / layout.VALIDATED / f"{table}.parquet")[s.USER_ID].to_pylist())


def test_the_source_says_whether_its_ids_are_pseudonyms_already():
    assert not SourceChoice().pseudonymises  # Complete Journey's publisher replaced them
    assert SourceChoice(pseudonymise=True).pseudonymises


def test_pseudonyms_of_every_table_are_those_of_the_project_s_key(write, tmp_path):
    write(tmp_path)
    validate(PSEUDONYMOUS, tmp_path, 0)
    key = settle_key(tmp_path)
    assert user_ids(tmp_path, "interactions") == {key.pseudonym(str(i)) for i in (1, 2, 3, 4)}
    assert user_ids(tmp_path, "users") == {key.pseudonym("1"), key.pseudonym("2")}
    assert read_json(tmp_path / layout.PSEUDONYMS) == {"key_fingerprint": key.fingerprint}


def test_a_forgotten_person_does_not_come_back_with_the_next_file(write, tmp_path):
    write(tmp_path)
    write_privacy(tmp_path, read_privacy(tmp_path).with_forgotten(settle_key(tmp_path), "2"))
    validate(ValidateConfig(), tmp_path, 0)  # ids as the source gives them: the keyed hash is known all the same
    assert user_ids(tmp_path, "interactions") == {"1", "3", "4"}
    assert user_ids(tmp_path, "users") == {"1"}
    assert read_json(tmp_path / layout.PSEUDONYMS) == {"key_fingerprint": None}


@pytest.mark.parametrize("step", ["ingest", "validate"])
def test_a_changed_key_stops_the_run_and_leaves_the_tables_as_they_were(write, tmp_path, monkeypatch, step):
    write(tmp_path)
    validate(PSEUDONYMOUS, tmp_path, 0)
    before = user_ids(tmp_path, "interactions")
    monkeypatch.setenv(KEY_VARIABLE, "x" * 32)
    with pytest.raises(ConfigError, match=PseudonymKey("x" * 32).fingerprint):
        ingest(IngestConfig(pseudonymise=True), tmp_path, 0) if step == "ingest" else validate(
            PSEUDONYMOUS, tmp_path, 0
        )
    assert user_ids(tmp_path, "interactions") == before
