"""Forgetting a person of a real project: afterwards no byte of the id, nor of its pseudonym, but in listed releases."""

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlparse

import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner

from components.__main__ import main
from components.core import layout
from components.core import schema as s
from components.core.privacy import read_privacy, settle_key
from components.data.pin import check_pin
from components.data.source import SourceChoice
from components.forgetting.forget import find, remove
from components.forgetting.person import person
from components.forgetting.trace import Trace
from components.online.sqlite_store import SqliteStore
from components.online.store import Exposure
from components.release.load import load
from components.splits import store
from components.tracking.registry import ModelRegistry
from services.messages import Event
from services.state import State

pytestmark = pytest.mark.slow
WHO, OTHER = "90210007", "90210008"
CACHED = ("validated", "quarantine", "clean", "split", "features", "models/item_knn", "ranker", "release")


def dvc(root, *arguments):
    subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture(scope="module")
def kept(finished, copied, tmp_path_factory):
    """The finished project with everything that may know a person: DVC's cache and run cache, the service's files."""
    root = copied(finished, tmp_path_factory.mktemp("kept") / "project")
    stages = {
        "copied": {
            "cmd": "mkdir -p artifacts/experiments && cp data/transactions.parquet artifacts/clean/*.parquet "
            "artifacts/experiments",
            "deps": ["data", "artifacts/clean"],
            "outs": ["artifacts/experiments"],
        }
    }
    stages |= {f"made{n}": {"cmd": "true", "outs": [f"artifacts/{name}"]} for n, name in enumerate(CACHED)}
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    dvc(root, "init", "--no-scm", "-q")
    dvc(root, "config", "core.analytics", "false")
    dvc(root, "add", "-q", "artifacts/quality")
    dvc(root, "commit", "-f", "-q", "data.dvc", *(f"made{n}" for n in range(len(CACHED))))
    dvc(root, "repro", "-q", "--single-item", "copied")
    key = settle_key(root)
    told(root, key.pseudonym(WHO))
    told(root, key.pseudonym(OTHER))
    release = folder_of_release(root)
    shutil.copytree(release, root / layout.STATE / "releases" / load(release).digest)
    report = f"<p>household {key.pseudonym(WHO)} bought most</p>"
    for folder in (root / layout.QUALITY, *(root / "mlartifacts").glob("*/artifacts")):
        (folder / "notes.html").write_text(report)
    return root


def told(root, name):
    state = State(root / layout.STATE)
    state.open()
    state.add_events([Event(event_id=f"e-{name}", user_id=name, item_id="1")], 100)
    assert state.log(Exposure(f"r-{name}", name, ["1", "2"], [1.0, 0.5], "d", None, None, 100.0))


def folder_of_release(root):
    return Path(urlparse(ModelRegistry(root=root).versions()[0].source).path)


@pytest.fixture
def project(kept, copied, tmp_path, monkeypatch, alone):
    root = copied(kept, tmp_path / "project")
    monkeypatch.chdir(root)
    return root


def ask(*options):
    answer = CliRunner().invoke(main, ["forget", WHO, *options], input="n\n")
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exc_info
    return answer.exit_code, answer.output


def places_that_know(root, names):
    """Files with a byte of a name, parquet and gzip unpacked."""
    return sorted(
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink() and any(name in text_of(path) for name in names)
    )


def text_of(path):
    content = path.read_bytes()
    if content[:4] == b"PAR1":
        columns = pq.read_table(path).to_pydict()
        return "\n".join(str(value) for column in columns.values() for value in column)
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    return content.decode("latin-1")


def state_of(root):
    return {str(p): hashlib.md5(p.read_bytes()).hexdigest() for p in root.rglob("*") if p.is_file()}


def names_of(root):
    return (WHO, settle_key(root).pseudonym(WHO))


def test_a_dry_run_lists_everything_and_changes_nothing(project):
    before = state_of(project)
    code, said = ask("--dry-run")
    assert code == 0, said
    for words in (
        "data/transactions.parquet (rows)", "data/demographics.parquet (rows)", "would go",
        ".dvc/cache (cached object)",
        "artifacts/split/test/dataset (bundle)", "artifacts/models/item_knn/test (bundle)", "artifacts/ranker (bundle)",
        "artifacts/release (bundle)", "events 1, exposures 2", "version 1 (release version)", "stays: it is champion",
        "state/releases/",
    ):  # fmt: skip
        assert words in said, (words, said)
    assert state_of(project) == before


def test_without_a_yes_nothing_is_changed(project):
    before = state_of(project)
    code, _ = ask()
    assert code == 1
    assert state_of(project) == before


def test_no_byte_of_the_person_is_left_but_in_the_listed_releases(project):
    names = names_of(project)
    assert len(places_that_know(project, names)) > 30
    code, said = ask("--yes")
    assert code == 0, said
    left = places_that_know(project, names)
    releases = list((project / "mlartifacts").glob("*/artifacts/release"))
    listed = [str(folder.relative_to(project)) for folder in (*releases, *(project / "state/releases").iterdir())]
    forgotten = read_privacy(project).forgotten
    assert forgotten == {settle_key(project).fingerprint: [names[1]]}
    assert [p for p in left if not p.startswith(tuple(listed)) and p != "privacy.json"] == []
    assert "version 1 (release version)" in said


def test_the_others_keep_all_their_rows_and_the_pin_holds(project):
    before = pq.read_table(project / "data/transactions.parquet").to_pylist()
    ask("--yes")
    after = pq.read_table(project / "data/transactions.parquet").to_pylist()
    assert after == [row for row in before if row["household_id"] != int(WHO)]
    check_pin(project)
    other = settle_key(project).pseudonym(OTHER)
    assert SqliteStore(project / layout.STATE / layout.SERVICE_DATABASE).rows_of_user([other]) == {
        "events": 1,
        "exposures": 2,
    }
    clean = pq.read_table(project / layout.CLEAN / "interactions.parquet")[s.USER_ID].to_pylist()
    assert clean.count(other) == sum(row["household_id"] == int(OTHER) for row in before)


def test_the_next_run_goes_through_and_a_late_file_does_not_bring_the_person_back(project, run):
    from components.data.pin import write_pin

    late = (project / "data/transactions.parquet").read_bytes()
    ask("--yes")
    (project / "data/transactions.parquet").write_bytes(late)
    write_pin(project / layout.DATA, project / layout.DATA_PIN)
    run(project, "ingest", "validate", "clean", "split")
    users = store.load_dataset(project / layout.SPLIT / layout.TEST_FOLD / store.DATASET).users
    pseudonym = settle_key(project).pseudonym
    assert pseudonym(WHO) not in users
    assert pseudonym(OTHER) in users


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.97])
def test_killed_halfway_the_same_command_completes_it(project, share):
    class KilledError(Exception):
        pass

    def die():
        raise KilledError

    names = names_of(project)
    source = SourceChoice().open()
    found = find(project, source, person(project, WHO, source), project / layout.STATE)
    traces = [trace for trace in found if trace.remove is not None]
    traces.insert(int(len(traces) * share), Trace("", "", "", remove=die))
    with pytest.raises(KilledError):
        remove(project, traces)
    code, said = ask("--yes")
    assert code == 0, said
    left = [p for p in places_that_know(project, names) if "/release/" not in p and not p.startswith("state/releases")]
    assert left == ["privacy.json"]
    check_pin(project)
    assert not list(project.rglob("forgetting.json"))


def test_a_second_time_there_is_nothing_left_to_remove(project):
    ask("--yes")
    _, said = ask("--dry-run")
    assert "would go" not in said
    assert "version 1 (release version)" in said


def test_data_that_are_not_the_pinned_ones_are_not_accepted_by_the_way(project):
    pq.write_table(pq.read_table(project / "data/products.parquet").slice(1), project / "data/products.parquet")
    code, said = ask("--yes")
    assert code == 2
    assert "altered: products.parquet" in said
    assert read_privacy(project).forgotten == {}


def test_dvc_makes_anew_what_was_removed_and_does_not_restore_it(project):
    ask("--yes")
    dvc(project, "repro", "-q", "--single-item", "data.dvc")
    shutil.rmtree(project / "artifacts/experiments")
    dvc(project, "repro", "-q", "--single-item", "copied")
    copied = pq.read_table(project / "artifacts/experiments/transactions.parquet")["household_id"].to_pylist()
    assert int(OTHER) in copied
    assert int(WHO) not in copied
    recorded = json.dumps(yaml.safe_load((project / "dvc.lock").read_text()))
    assert WHO not in recorded
