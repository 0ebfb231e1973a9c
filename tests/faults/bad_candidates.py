"""Six kinds of bad candidate, promoted by moving the alias in MLflow: each must be refused before it answers anybody.

python -m tests.faults.bad_candidates

A real MLflow server and a real service under steady requests. Every candidate carries passed gates, as if all earlier
checks had missed it, and those that are sealed carry the right digest. Refused means: no answer ever came from it, the
reason stands in /release and as a tag on the version, the alias is back at the good release, and the history holds it.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from components.core import bundle, layout
from components.core.ports import HOST
from components.promotion.history import REFUSED, History
from components.promotion.promotions import REFUSED_TAG
from components.tracking import location
from components.tracking.registry import CHAMPION, DIGEST_TAG, GATE_TAG, PASSED, ModelRegistry
from components.tracking.runs import tracked
from tests.faults import ground
from tests.load.lines import Line, told

TREES = 30_000  # instead of ten
PAUSE_S = 0.05  # between two requests
REFUSED_WITHIN_S = 40  # a refused version's turn comes within a poll; verification takes its time on a busy machine


def truncated(folder: Path) -> None:
    """A file that lost its end on the way."""
    path = folder / "catalogue.parquet"
    path.write_bytes(path.read_bytes()[:-100])


def flipped_bit(folder: Path) -> None:
    """One bit of a model's arrays is another."""
    path = folder / "hybrid" / "models" / "item_knn" / "arrays.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def wrong_schema(folder: Path) -> None:
    """A catalogue without a column that answers need, sealed as if it were right."""
    path = folder / "catalogue.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["title"]), path)
    _sealed(folder)


def ten_times_slower(folder: Path) -> None:
    """Right answers, slowly: the trees many times over, with golden answers of their own, sealed."""
    import xgboost

    path = folder / "hybrid" / "ranker" / "trees.ubj"
    model = json.loads(xgboost.Booster(model_file=str(path)).save_raw("json"))
    forest = model["learner"]["gradient_booster"]["model"]
    trees, times = forest["trees"], TREES // len(forest["trees"]) + 1
    forest["trees"] = [tree | {"id": number} for number, tree in enumerate(trees * times)]
    forest["tree_info"] = [0] * len(forest["trees"])
    forest["iteration_indptr"] = list(range(len(forest["trees"]) + 1))
    forest["gbtree_model_param"]["num_trees"] = str(len(forest["trees"]))
    xgboost.Booster(model_file=bytearray(json.dumps(model).encode())).save_model(str(path))
    _sealed(folder, renew_answers=True)


def nan_scores(folder: Path) -> None:
    """What is popular is no number, sealed; what would be shown is shown in an order that means nothing."""
    _change_popularity(folder, lambda popularity: np.full_like(popularity, np.nan))


def raises_on_warm_up(folder: Path) -> None:
    """Loads, and fails at its first question: a model knows one item fewer than the catalogue. Sealed."""
    _change_popularity(folder, lambda popularity: popularity[:-1])


KINDS: tuple[Callable[[Path], None], ...] = (
    truncated, flipped_bit, wrong_schema, ten_times_slower, nan_scores, raises_on_warm_up
)  # fmt: skip


def main() -> int:
    """Print what became of each; returns how many were refused before traffic with their reason recorded."""
    refused = 0
    with ground.folder() as root:
        good = ground.shop(root, 2)[0]
        # Spoilt copies of the second. The service keeps verified copies of what serves and of the challenger, and would
        # answer from a sound copy of the same digest: so a third is the challenger, and of the second it has none.
        versions = {kind.__name__: _registered(root, kind) for kind in KINDS}
        ground.another_release(root, 2)
        port, serving = ground.free_port(), ground.free_port()
        uri, url = f"http://{HOST}:{port}", f"http://{HOST}:{serving}"
        with ground.mlflow_server(root, port), ground.service(root, serving, MLFLOW_TRACKING_URI=uri):
            with _steady_requests(url) as answered:
                for name, version in versions.items():
                    reason = _tried(root, ModelRegistry(uri), url, version, good)
                    refused += reason is not None
                    print(f"{name:<18} {'refused: … ' + reason[-120:] if reason else 'NOT REFUSED'}")
            wrong = {served for served in answered if served != (200, good)}
    print(f"{refused} of {len(KINDS)} refused before traffic, {len(answered)} answers, wrong ones: {wrong or 'none'}")
    print(ground.busy())
    return refused if not wrong else 0


def _tried(root: Path, registry: ModelRegistry, url: str, version: str, good: str) -> str | None:
    """Move the alias by hand; the reason where it was refused and everybody can see why, else None."""
    registry.set_alias(CHAMPION, version)
    try:
        ground.wait_until(lambda: registry.aliases()[CHAMPION] == good, REFUSED_WITHIN_S, "the alias is back")
    except RuntimeError:
        return None
    ground.wait_until(lambda: _told(root, version), REFUSED_WITHIN_S, "the refusal is written down")
    shown = (ground.get(f"{url}/release") or {})["refused"]
    reason = registry.version(version).tags.get(REFUSED_TAG, "")
    seen = shown is not None and shown["version"] == version and shown["reason"] in reason
    return shown["reason"] if seen else None


def _told(root: Path, version: str) -> bool:
    last = History(root).last()
    return last is not None and (last.action, last.version) == (REFUSED, version)


@contextmanager
def _steady_requests(url: str) -> Iterator[list[tuple[int, str]]]:
    """Status and version of one answer after the other."""
    answered, stopped = [], threading.Event()

    def ask() -> None:
        while not stopped.is_set():
            status, answer = ground.post(f"{url}/recommend", {"user_id": "u00"})
            answered.append((status, str(answer.get("version"))))
            stopped.wait(PAUSE_S)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield answered
    finally:
        stopped.set()
        asking.join()


def _registered(root: Path, spoil: Callable[[Path], None]) -> str:
    """A copy of a good release that never served, spoilt, registered as if its gates were passed."""
    scratch = root / "spoilt" / spoil.__name__ / "release"
    shutil.copytree(root / layout.RELEASE, scratch)
    registered_as = bundle.digest(scratch)
    spoil(scratch)
    if spoil not in (truncated, flipped_bit):  # sealed: its maker believed in it
        registered_as = bundle.digest(scratch)
    with tracked("release", root=root) as run:
        source = run.artifact(scratch)
        tags = {GATE_TAG: PASSED, DIGEST_TAG: registered_as, "spoilt": spoil.__name__}
        return ModelRegistry(location.tracking_uri(root)).register(source, run.run_id, tags).version


def _change_popularity(folder: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    path = folder / "hybrid" / "models" / "popularity" / "arrays.safetensors"
    arrays = load_arrays(path.read_bytes())
    path.write_bytes(save_arrays({name: np.ascontiguousarray(change(array)) for name, array in arrays.items()}))
    _sealed(folder)


def _sealed(folder: Path, *, renew_answers: bool = False) -> None:
    """Seal the parts and the whole again, as whoever made it would have."""
    from components.release import golden
    from components.release.load import GOLDEN, read

    inner = [path.parent for path in folder.rglob(bundle.MANIFEST) if path.parent != folder]
    for part in [*inner, folder]:
        bundle.seal(part, bundle.read_json(part / bundle.MANIFEST)["provenance"])
    if renew_answers:
        bundle.write_json(folder / GOLDEN, golden.make(read(folder)))
        bundle.seal(folder, bundle.read_json(folder / bundle.MANIFEST)["provenance"])


if __name__ == "__main__":
    raise SystemExit(told([Line("refused before traffic, with the reason", main(), len(KINDS), least=True)]))
