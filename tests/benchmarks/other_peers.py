"""Lists of LensKit, RecTools and RecBole on a benchmark's folds; runs in an environment of theirs, without shoploop.

    python -m tests.benchmarks.peer_histories --data FILE --out histories            # in shoploop's environment

    python3.13 -m venv lenskit && lenskit/bin/pip install lenskit==2026.4.0 torch==2.14.1
    lenskit/bin/python tests/benchmarks/other_peers.py histories out --only lenskit_item_knn,lenskit_user_knn,…

    python3.11 -m venv others && others/bin/pip install rectools==0.19.0 pytorch-lightning==2.5.2 torch==2.13.0
    others/bin/pip install scipy==1.11.4 pyarrow==20.0.0 scikit-learn tensorboard plotly psutil tabulate thop \
        texttable colorlog==4.7.2 colorama==0.4.4
    others/bin/pip install --no-deps recbole==1.2.1      # without ray, which only its own search needs
    others/bin/python tests/benchmarks/other_peers.py histories out --only rectools_sasrec,recbole_ease,…

Two environments, because LensKit wants Python 3.12.5 or later, and RecTools numpy 1 before Python 3.13.

Options of cheap peers are searched on the validation fold, on a sample of its users, the same number of trials for
each; none begins after the search's minutes. Where a fit is dear there is one, stopped by its CPU minutes. Every peer
has a process of its own and one thread. OUT holds <peer>.parquet (user_id, item_id, rank, score) for `shoploop
benchmark --lists`, and <peer>.json with options, CPU seconds and peak memory.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS", "LK_NUM_THREADS")
if __name__ in {"__main__", "__mp_main__"}:
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))  # before numpy is there

import numpy as np
import pandas as pd

K = 10
IN_PAIRS = {"BPR", "LightGCN"}  # of RecBole's: each purchase against an item that is drawn, its own default
SAMPLE = 4_000  # users on whom a trial is judged
BLOCK = 512  # users scored at once
USER, ITEM, PLACE, RANK, SCORE = "user_id", "item_id", "place", "rank", "score"
Options = dict[str, Any]
Draw = np.random.Generator
Ask = Callable[[list[str]], pd.DataFrame]


@dataclass(frozen=True)
class Fit:
    """What a peer is fitted with: history has user_id, item_id and place, sorted by user and place."""

    history: pd.DataFrame
    options: Options
    seed: int
    minutes: float

    def catalogue(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Item ids in order, and every user's history as places in it, oldest first."""
        codes, items = pd.factorize(self.history[ITEM], sort=True)
        return np.asarray(items), {u: codes[rows] for u, rows in self.history.groupby(USER).indices.items()}


def _log(draw: Draw, low: float, high: float) -> float:
    return float(np.exp(draw.uniform(np.log(low), np.log(high))))


def top(scores: np.ndarray, users: list[str], items: np.ndarray, seen: dict[str, np.ndarray]) -> pd.DataFrame:
    """Lists of a block of users from scores (users, items), their histories masked."""
    for row, user in enumerate(users):
        scores[row, seen[user]] = -np.inf
    best = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    return pd.DataFrame(
        {
            USER: np.repeat(users, K),
            ITEM: items[best].ravel(),
            RANK: np.tile(np.arange(1, K + 1), len(users)),
            SCORE: np.take_along_axis(scores, best, axis=1).ravel(),
        }
    )


def in_blocks(score: Callable[[list[str]], np.ndarray], fit: Fit) -> Ask:
    """Lists of any number of users; memory is bounded by blocks."""
    items, seen = fit.catalogue()

    def ask(users: list[str]) -> pd.DataFrame:
        blocks = [users[at : at + BLOCK] for at in range(0, len(users), BLOCK)]
        return pd.concat([top(np.array(score(block)), block, items, seen) for block in blocks], ignore_index=True)

    return ask


def _lenskit(scorer: Any, fit: Fit) -> Ask:
    from lenskit.batch import recommend
    from lenskit.data import from_interactions_df
    from lenskit.pipeline import topn_pipeline
    from lenskit.training import TrainingOptions

    data = from_interactions_df(fit.history[[USER, ITEM]].drop_duplicates(), user_col=USER, item_col=ITEM)
    pipeline = topn_pipeline(scorer, n=K)
    pipeline.train(data, TrainingOptions(rng=fit.seed))

    def ask(users: list[str]) -> pd.DataFrame:
        found = recommend(pipeline, users, n=K, n_jobs=1, use_ray=False).to_df()
        return found[[USER, ITEM, RANK, SCORE]].dropna()

    return ask


def lenskit_item_knn(fit: Fit) -> Ask:
    """LensKit's item-kNN of implicit feedback, cosine."""
    from lenskit.knn import ItemKNNScorer

    return _lenskit(ItemKNNScorer(feedback="implicit", **fit.options), fit)


def lenskit_user_knn(fit: Fit) -> Ask:
    """LensKit's user-kNN of implicit feedback, cosine."""
    from lenskit.knn import UserKNNScorer

    return _lenskit(UserKNNScorer(feedback="implicit", **fit.options), fit)


def lenskit_als(fit: Fit) -> Ask:
    """LensKit's ALS of implicit feedback."""
    from lenskit.als import ImplicitMFScorer

    return _lenskit(ImplicitMFScorer(**fit.options), fit)


def lenskit_ease(fit: Fit) -> Ask:
    """LensKit's EASE."""
    from lenskit.knn import EASEScorer

    return _lenskit(EASEScorer(**fit.options), fit)


def _rectools(model: Any, fit: Fit) -> Ask:
    from rectools.dataset import Dataset

    events = fit.history[[USER, ITEM]].assign(
        weight=1.0, datetime=pd.Timestamp("2000-01-01") + pd.to_timedelta(fit.history[PLACE], unit="s")
    )
    data = Dataset.construct(events)
    model.fit(data)

    def ask(users: list[str]) -> pd.DataFrame:
        return model.recommend(np.array(users, dtype=object), data, k=K, filter_viewed=True)[[USER, ITEM, RANK, SCORE]]

    return ask


def rectools_popular(fit: Fit) -> Ask:
    """RecTools' most popular items: whether the folds are the same."""
    from rectools.models import PopularModel

    return _rectools(PopularModel(**fit.options), fit)


def rectools_sasrec(fit: Fit) -> Ask:
    """RecTools' SASRec, ended by its CPU minutes."""
    import pytorch_lightning as lightning
    from rectools.models import SASRecModel

    class Budget(lightning.Callback):
        def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
            trainer.should_stop = time.process_time() > ends

        def on_train_epoch_end(self, trainer: Any, *_: Any) -> None:
            print(f"rectools_sasrec: epoch {trainer.current_epoch + 1}, {time.process_time():.0f} CPU s", flush=True)

    def trainer() -> Any:
        return lightning.Trainer(
            max_epochs=1_000, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, callbacks=[Budget()],
        )  # fmt: skip

    ends = time.process_time() + 60 * fit.minutes
    lightning.seed_everything(fit.seed)
    return _rectools(SASRecModel(**fit.options, get_trainer_func=trainer, recommend_torch_device="cpu"), fit)


def _recbole(name: str, fit: Fit, folder: str) -> tuple[Any, Any, Any]:
    """Config, the data built with all events for training, and the map of our item order to RecBole's ids."""
    from recbole.config import Config
    from recbole.data import create_dataset

    at = Path(folder) / "peers"
    at.mkdir()
    rows = fit.history[[USER, ITEM, PLACE]]
    rows.columns = ["user_id:token", "item_id:token", "place:float"]
    rows.to_csv(at / "peers.inter", sep="\t", index=False)
    fixed = {
        "data_path": folder, "USER_ID_FIELD": USER, "ITEM_ID_FIELD": ITEM, "TIME_FIELD": PLACE, "use_gpu": False,
        "load_col": {"inter": [USER, ITEM, PLACE]}, "seed": fit.seed,
        "eval_args": {"split": {"RS": [1, 0, 0]}, "order": "TO", "group_by": "user", "mode": "full"},
        "save_dataset": False, "save_dataloaders": False, "show_progress": False,
        "checkpoint_dir": folder, "state": "WARNING",
    }  # fmt: skip
    if name not in IN_PAIRS:
        fixed["train_neg_sample_args"] = None
    config = Config(model=name, dataset="peers", config_dict=fixed | fit.options)
    data = create_dataset(config)
    train = data.build()[0]
    return config, train, data.token2id(ITEM, fit.catalogue()[0])


def recbole_ease(fit: Fit) -> Ask:
    """RecBole's EASE."""
    from recbole.model.general_recommender import EASE

    with tempfile.TemporaryDirectory() as folder:
        config, train, ids = _recbole("EASE", fit, folder)
        model = EASE(config, train)
    return _of_users(model, train, ids, fit)


def _of_users(model: Any, train: Any, ids: np.ndarray, fit: Fit) -> Ask:
    """Lists of a RecBole model that knows the users it was fitted on."""
    import torch

    def score(users: list[str]) -> np.ndarray:
        from recbole.data.interaction import Interaction

        with torch.no_grad():
            found = model.full_sort_predict(Interaction({USER: torch.as_tensor(train.token2id(USER, np.array(users)))}))
        return found.numpy().reshape(len(users), -1)[:, ids]

    return in_blocks(score, fit)


def _recbole_trained(kind: str, name: str, fit: Fit) -> tuple[Any, Any, Any, Any]:
    """A RecBole network after its epochs, or the one in which its CPU minutes ran out; config, data, our items' ids.

    kind  "general_recommender" or "sequential_recommender", RecBole's module
    """
    from importlib import import_module

    from recbole.data.utils import get_dataloader
    from recbole.sampler import Sampler
    from recbole.trainer import Trainer
    from recbole.utils import init_seed

    ends = time.process_time() + 60 * fit.minutes
    with tempfile.TemporaryDirectory() as folder:
        config, train, ids = _recbole(name, fit, folder)
        init_seed(fit.seed, True)
        sampler = Sampler(["train"], [train]).set_phase("train") if name in IN_PAIRS else None
        batches = get_dataloader(config, "train")(config, train, sampler, shuffle=True)
        model = getattr(import_module(f"recbole.model.{kind}"), name)(config, train)
        trainer = Trainer(config, model)
        epoch, mean = 0, 0.0
        while time.process_time() + mean < ends and epoch < fit.options.get("epochs", math.inf):
            loss = trainer._train_epoch(batches, epoch, show_progress=False)
            epoch += 1
            mean = (time.process_time() - (ends - 60 * fit.minutes)) / epoch
            print(f"recbole {name}: epoch {epoch}, loss {loss:.1f}, {time.process_time():.0f} CPU s", flush=True)
    model.eval()
    return model, config, train, ids


def _recbole_general(name: str, fit: Fit) -> Ask:
    """A network that gives each fitted user a vector."""
    model, _, train, ids = _recbole_trained("general_recommender", name, fit)
    return _of_users(model, train, ids, fit)


def _recbole_sequential(name: str, fit: Fit) -> Ask:
    """A network that reads the last items of a history."""
    import torch

    model, config, _, ids = _recbole_trained("sequential_recommender", name, fit)
    seen, longest = fit.catalogue()[1], config["MAX_ITEM_LIST_LENGTH"]

    def score(users: list[str]) -> np.ndarray:
        from recbole.data.interaction import Interaction

        last = [torch.as_tensor(ids[seen[user][-longest:]]) for user in users]
        lengths = torch.tensor([len(each) for each in last])
        padded = torch.nn.utils.rnn.pad_sequence([*last, torch.zeros(longest, dtype=torch.int64)], batch_first=True)
        with torch.no_grad():
            asked = Interaction({model.ITEM_SEQ: padded[:-1], model.ITEM_SEQ_LEN: lengths})
            return model.full_sort_predict(asked).numpy()[:, ids]

    return in_blocks(score, fit)


@dataclass(frozen=True)
class Peer:
    """A peer's fit, and where its options come from: draws that are tried, or one set where a fit is dear."""

    fit: Callable[[Fit], Ask]
    draw: Callable[[Draw], Options] | None = None
    options: Options | None = None


def _knn_options(draw: Draw) -> Options:
    return {"max_nbrs": int(_log(draw, 10, 500)), "min_sim": _log(draw, 1e-6, 0.1)}


def _als_options(draw: Draw) -> Options:
    size = int(draw.choice([64, 128, 256]))
    return {"embedding_size": size, "regularization": _log(draw, 0.01, 200), "weight": _log(draw, 1, 200),
            "epochs": int(draw.choice([5, 10, 20]))}  # fmt: skip


def _epochs_and_rate(draw: Draw) -> Options:
    return {"epochs": int(_log(draw, 5, 100)), "learning_rate": _log(draw, 5e-4, 5e-3)}


SHORT = {"session_max_len": 20}  # by default 100: five times the cost, where 19 in 20 users have a shorter history
READ = {"MAX_ITEM_LIST_LENGTH": 20, "train_batch_size": 512}
PEERS = {
    "lenskit_item_knn": Peer(lenskit_item_knn, draw=_knn_options),
    "lenskit_user_knn": Peer(lenskit_user_knn, draw=_knn_options),
    "lenskit_als": Peer(lenskit_als, draw=_als_options),
    "lenskit_ease": Peer(lenskit_ease, draw=lambda draw: {"regularization": _log(draw, 10, 2_000)}),
    "rectools_popular": Peer(rectools_popular, options={}),
    "rectools_sasrec": Peer(rectools_sasrec, options={"n_factors": 128, **SHORT}),
    "recbole_ease": Peer(recbole_ease, draw=lambda draw: {"reg_weight": _log(draw, 10, 2_000)}),
    "recbole_sasrec": Peer(partial(_recbole_sequential, "SASRec"), options=READ),
    "recbole_gru4rec": Peer(partial(_recbole_sequential, "GRU4Rec"), options=READ),
    "recbole_bpr": Peer(partial(_recbole_general, "BPR"), draw=_epochs_and_rate),
    "recbole_lightgcn": Peer(partial(_recbole_general, "LightGCN"), draw=_epochs_and_rate),
    "recbole_multivae": Peer(partial(_recbole_general, "MultiVAE"), draw=_epochs_and_rate),
}


def ndcg(lists: pd.DataFrame, relevant: pd.DataFrame) -> float:
    """Mean NDCG@10 over the users of `relevant`."""
    hits = relevant.merge(lists, on=[USER, ITEM])
    gains = (1 / np.log2(hits[RANK] + 1)).groupby(hits[USER]).sum()
    ideal = np.cumsum(1 / np.log2(np.arange(2, K + 2)))
    most = relevant.groupby(USER).size().map(lambda n: ideal[min(n, K) - 1])
    return float((gains / most).reindex(most.index).fillna(0).mean())


def searched(name: str, folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """The best of the trials on a sample of the validation fold's users."""
    history = pd.read_parquet(folder / "validation.history.parquet")
    relevant = pd.read_parquet(folder / "validation.relevant.parquet")
    draw = np.random.default_rng([given.seed, len(name)])
    users = relevant[USER].unique()
    users = sorted(draw.choice(users, min(SAMPLE, len(users)), replace=False).tolist())
    relevant, tried, started = relevant[relevant[USER].isin(users)], [], time.process_time()
    for _ in range(given.trials):
        options = PEERS[name].draw(draw)
        if tried and time.process_time() - started > 60 * given.search_minutes:
            break
        found = ndcg(PEERS[name].fit(Fit(history, options, given.seed, given.fit_minutes))(users), relevant)
        tried.append((found, options))
        print(f"{name}: {found:.4f} {options}", flush=True)
    gain, options = max(tried, key=lambda each: each[0])
    cost = time.process_time() - started
    return {"options": options, "trials": len(tried), "search_cpu_s": cost, "validation_ndcg_at_10": gain}


def run(name: str, given: argparse.Namespace) -> None:
    """Search, fit and write one peer, in a process of its own."""
    sys.argv = sys.argv[:1]  # RecBole takes the command line for its own
    folder = given.histories
    told = searched(name, folder, given) if PEERS[name].draw else {"options": PEERS[name].options, "trials": 0}
    history = pd.read_parquet(folder / "test.history.parquet")
    users = pd.read_parquet(folder / "test.asked.parquet")[USER].tolist()
    started = time.process_time()
    ask = PEERS[name].fit(Fit(history, told["options"], given.seed, given.fit_minutes))
    fitted = time.process_time()
    lists = ask(users)
    lists[[USER, ITEM]] = lists[[USER, ITEM]].astype(str)
    lists.to_parquet(given.out / f"{name}.parquet", index=False)
    told |= {"fit_cpu_s": fitted - started, "users_per_cpu_s": len(users) / (time.process_time() - fitted)}
    told["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (given.out / f"{name}.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(f"{name}: {told}", flush=True)


def main() -> None:
    """Every peer that is asked for, one after the other; one that fails does not end the others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("histories", type=Path, help="folder that peer_histories wrote")
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", default=",".join(PEERS), help="peers, separated by commas")
    parser.add_argument("--trials", type=int, default=12, help="of options, for every peer that is searched")
    parser.add_argument("--search-minutes", type=float, default=10, help="CPU minutes after which no trial begins")
    parser.add_argument("--fit-minutes", type=float, default=15, help="CPU minutes of a fit that would go on")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    failed = [name for name in given.only.split(",") if not _in_a_process(name, given)]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _in_a_process(name: str, given: argparse.Namespace) -> bool:
    process = multiprocessing.get_context("spawn").Process(target=run, args=(name, given))
    process.start()
    process.join()
    return process.exitcode == 0


if __name__ == "__main__":
    main()
