"""Files that come from outside and would write a file when somebody unpickled them: refused, and the file is not there.

A bomb is laid in every place that reads what others may have written: releases, caches, MLflow's artifacts, search
indexes, benchmark lists and fits, raw tables, the online state. Whoever can seal a folder again does: checksums alone
are no answer to a bomb.
"""

import ast
import io
import pickle
import shutil
import sqlite3
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from components.core import bundle, layout
from components.core.errors import ShoploopError
from tests.bombs import Bomb, pickled

PROJECT = Path(__file__).parents[2]
OURS = sorted(path for room in ("components", "flows", "services") for path in (PROJECT / room).rglob("*.py"))
UNPICKLERS = {
    "pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "jsonpickle", "torch",
}  # fmt: skip
CALLS = {
    "read_pickle", "unsafe_load", "full_load", "unsafe_load_all", "full_load_all",
    "enable_unsafe_deserialization", "eval", "exec",
}  # fmt: skip
YAML_LOADERS = {"SafeLoader", "CSafeLoader"}
DOCUMENTS = {".md", ".html", ".txt"}


def wrong_calls(source):
    """What of a module's source could unpickle, or run what it reads."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in UNPICKLERS)
        elif isinstance(node, ast.ImportFrom):
            if (node.module or "").split(".")[0] in UNPICKLERS:
                yield node.module
        elif isinstance(node, ast.Call):
            yield from _wrong_call(node)


def _wrong_call(node):
    words = ast.unparse(node.func)
    name = words.rpartition(".")[2]
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    if name in CALLS and words != f"re.{name}":
        yield words
    if given.get("allow_pickle", "False") != "False" or (
        words in ("np.load", "numpy.load") and "allow_pickle" not in given
    ):
        yield f"{words} with pickles allowed"
    if words in ("yaml.load", "yaml.load_all"):
        loader = given.get("Loader") or (ast.unparse(node.args[1]) if len(node.args) > 1 else "")
        if loader.rpartition(".")[2] not in YAML_LOADERS:
            yield f"{words} without a safe loader"
    if given.get("safe_mode") == "False" or given.get("weights_only") == "False":
        yield f"{words} out of its safe mode"
    if words.startswith("mlflow.") and name == "load_model":
        yield words


@pytest.mark.parametrize(
    "line",
    [
        "import pickle", "from joblib import load", "import torch.nn", "np.load(path)", "np.load(p, allow_pickle=True)",
        "yaml.load(text)", "yaml.load(text, Loader=yaml.Loader)", "pd.read_pickle(path)", "yaml.unsafe_load(text)",
        "keras.saving.load_model(path, safe_mode=False)", "mlflow.pyfunc.load_model(uri)", "eval(text)",
    ],
)  # fmt: skip
def test_what_could_unpickle_is_recognised(line):
    assert list(wrong_calls(line))


def test_no_module_of_ours_could_unpickle_or_run_what_it_reads():
    assert len(OURS) > 300
    found = {str(path.relative_to(PROJECT)): list(wrong_calls(path.read_text(encoding="utf-8"))) for path in OURS}
    assert {path: calls for path, calls in found.items() if calls} == {}


@pytest.fixture
def written(tmp_path):
    """The file that a bomb would write."""
    return tmp_path / "written by a bomb"


@pytest.fixture
def bombs(written):
    """The same bomb as a pickle, in numpy's file of objects and in an archive of such."""
    bomb = Bomb(written)
    objects, archive = io.BytesIO(), io.BytesIO()
    np.save(objects, np.array([bomb], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("arr_0.npy", objects.getvalue())
        zipped.writestr("data.pkl", pickled(written))
    return {"pickle": pickled(written), "npy": objects.getvalue(), "npz": archive.getvalue()}


@pytest.mark.parametrize("kind", ["pickle", "npy"])
def test_the_bombs_of_these_tests_do_write_when_unpickled(bombs, written, kind):
    if kind == "pickle":
        pickle.loads(bombs[kind]).close()
    else:
        np.load(io.BytesIO(bombs[kind]), allow_pickle=True)
    assert written.is_file()


@pytest.fixture(scope="module")
def release(trained_shop, tmp_path_factory):
    from components.release.assemble import assemble

    root = shutil.copytree(trained_shop, tmp_path_factory.mktemp("bombs") / "shop")
    assemble(root, "shop", {})
    return root / layout.RELEASE


def files_of(folder):
    """All files below a folder but its seals."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != bundle.MANIFEST]


def sealed_again(folder):
    """Every sealed folder in it, the inner ones first."""
    for manifest in sorted(folder.rglob(bundle.MANIFEST), key=lambda path: -len(path.parts)):
        bundle.seal(manifest.parent, {})


@pytest.mark.slow
def test_a_release_with_a_bomb_in_place_of_any_file_is_refused_though_sealed_again(release, bombs, written, tmp_path):
    from components.release.load import load

    names = [path.relative_to(release) for path in files_of(release)]
    assert len(names) > 10
    for number, name in enumerate(names):
        folder = shutil.copytree(release, tmp_path / "release")
        (folder / name).write_bytes(list(bombs.values())[number % len(bombs)])
        sealed_again(folder)
        if name.suffix in DOCUMENTS:  # for people; no part of an answer
            load(folder)
        else:
            with pytest.raises(ShoploopError):
                load(folder)
        shutil.rmtree(folder)
    assert not written.exists()


@pytest.mark.slow
def test_a_bomb_beside_a_release_s_files_is_refused_and_is_not_read_where_it_was_sealed_in(
    release, bombs, written, tmp_path
):
    from components.release.load import load

    folder = shutil.copytree(release, tmp_path / "release")
    for name in ("model.pkl", "hybrid/model.joblib", "golden.npz"):
        (folder / name).write_bytes(bombs["pickle"])
    with pytest.raises(ShoploopError, match="not in the manifest"):
        load(folder)
    sealed_again(folder)
    load(folder)
    assert not written.exists()


@pytest.mark.slow
def test_the_service_s_copies_and_what_mlflow_hands_out_are_refused(release, bombs, written, tmp_path):
    from components.promotion.promotions import Promotions
    from components.tracking.registry import CHAMPION, DIGEST_TAG, GATE_TAG, PASSED, ModelRegistry
    from components.tracking.runs import tracked
    from services.release_cache import LAST_SERVED, ReleaseCache

    folder, root = shutil.copytree(release, tmp_path / "release"), tmp_path / "project"
    with tracked("release", root=root) as run:
        source = Path(run.artifact(folder).removeprefix("file://"))
        tags = {DIGEST_TAG: bundle.digest(folder), GATE_TAG: PASSED}
        registered = ModelRegistry(root=root).register(source.as_uri(), run.run_id, tags)
    (source / "hybrid" / "ranker" / "trees.ubj").write_bytes(bombs["pickle"])
    cache = ReleaseCache(tmp_path / "cache")
    with pytest.raises(ShoploopError, match="altered"):
        cache.get(ModelRegistry(root=root), registered)
    with pytest.raises(ShoploopError, match="altered"):
        Promotions.of(root).promote(registered.version, by="ann", reason="hope")
    assert CHAMPION not in ModelRegistry(root=root).aliases()
    (tmp_path / "cache").mkdir(exist_ok=True)
    (tmp_path / "cache" / LAST_SERVED).write_bytes(bombs["pickle"])
    with pytest.raises(ShoploopError, match="cannot be read"):
        cache.last_served()
    assert not written.exists()


@pytest.mark.slow
def test_a_search_index_with_a_bomb_in_place_of_any_file_is_refused(bombs, written, tmp_path):
    from components.core.rng import stream
    from components.search.build import BuildConfig, build
    from components.search.items import read_items
    from components.search.load import load

    (tmp_path / "items.csv").write_text("item_id,title\n" + "".join(f"i{n},green tea {n}\n" for n in range(40)))
    build(read_items(tmp_path / "items.csv", {}), BuildConfig(), tmp_path / "index", stream(1, "bombs"))
    names = [path.relative_to(tmp_path / "index") for path in files_of(tmp_path / "index")]
    for name in names:
        folder = shutil.copytree(tmp_path / "index", tmp_path / "again")
        (folder / name).write_bytes(bombs["npy" if name.suffix == ".npy" else "pickle"])
        sealed_again(folder)
        try:
            load(folder).search("green tea", 5)
        except ShoploopError:
            pass
        else:
            assert name.suffix in DOCUMENTS or name.parent.name == "lexical", name
        shutil.rmtree(folder)
    assert not written.exists()


@pytest.mark.parametrize("kind", ["pickle", "npy", "npz"])
def test_benchmark_lists_and_kept_fits_are_refused(bombs, written, tmp_path, kind):
    from components.benchmark.lists import read_lists
    from components.core.model import load as load_model
    from components.core.vocabulary import Vocabulary

    lists, items = tmp_path / "lists.parquet", Vocabulary.fit(np.array(["a", "b"]))
    lists.write_bytes(bombs[kind])
    with pytest.raises(ShoploopError, match="cannot be read as parquet"):
        read_lists(lists, None, items, 10)
    for name in (bundle.META, bundle.ARRAYS):
        bundle.write(tmp_path / "fit", {"kind": "model", "format": 1}, arrays={"x": np.zeros(2)})
        (tmp_path / "fit" / name).write_bytes(bombs[kind])
        with pytest.raises(ShoploopError, match="was altered"):
            load_model(tmp_path / "fit")
        sealed_again(tmp_path / "fit")
        with pytest.raises(ShoploopError, match=r"not JSON|cannot be read"):
            load_model(tmp_path / "fit")
    assert not written.exists()


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet", "rows.xlsx", "rows.csv.gz", "rows.zip"])
def test_a_raw_table_that_is_a_bomb_is_refused_or_set_aside(bombs, written, tmp_path, name):
    from components.data.landing.formats import FileFormat, Limits
    from components.data.landing.land import land

    for number, bomb in enumerate(bombs.values()):
        root = tmp_path / str(number)
        (root / "data").mkdir(parents=True)
        (root / "data" / name).write_bytes(bomb)
        with suppress(ShoploopError):  # or its lines are text, which the data rules judge
            land("rows", [root / "data" / name], FileFormat(), root / "work", Limits(), root / "data")
    assert not written.exists()


def test_the_online_state_holds_a_bomb_as_bytes_or_not_at_all(bombs, written, tmp_path):
    from components.online.sqlite_store import SqliteStore
    from components.online.store import Told

    store = SqliteStore(tmp_path / layout.SERVICE_DATABASE)
    store.prepare()
    store.add_events([Told("e", "ann", "tea", "purchase", 100, None, 1, None, 0.0)])
    with sqlite3.connect(store.path) as connection:
        connection.execute("update events set item_id = ?", (bombs["pickle"],))
    assert store.events_of("ann", ["purchase"], 0, 10) == ((bombs["pickle"], 100),)
    other = SqliteStore(tmp_path / "other" / layout.SERVICE_DATABASE)
    other.path.parent.mkdir()
    other.path.write_bytes(bombs["pickle"])
    with pytest.raises(ShoploopError, match="cannot keep its state"):
        other.prepare()
    assert not written.exists()
