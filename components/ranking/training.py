"""Training table of the ranker: candidates of one fold, labelled by what was bought in its target window."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.core.config import Config
from components.core.dataset import BLOCK_USERS, Histories
from components.core.errors import ConfigError, DataError
from components.core.memory import FLOAT, Part, check
from components.core.ranking import ALL, NEW
from components.data.engine import EngineConfig
from components.ranking.buy_again import BuyAgain, BuyAgainConfig
from components.ranking.candidates import Candidates
from components.ranking.consensus import HAD, Consensus, ConsensusConfig, columns, joined, line_alike, lines
from components.ranking.context import Context
from components.ranking.hybrid import Hybrid
from components.ranking.lambdamart import Lambdamart, LambdamartConfig
from components.retrieval.retrieval import RetrievalConfig

MODEL_COLUMNS = 3  # score, rank and strength
OWN_COLUMNS, GROUP_COLUMNS = 19, 4  # what a history and the table say of a pair, and of the pair in its group
# At once: the table, the part of it that the trees learn from, and XGBoost's entries of 8 bytes with their bins; before
# that its blocks, joined, and sorted.
TABLE_COPIES = 4.5
NO_LINES = {"had_line": (0.0, 0.0), "new_line": (0.0, 0.0)}  # until the trees are asked


class TwoStageConfig(Config):
    """How candidates are drawn and the ranker is fitted.

    candidates             names of models in params.yaml; "popularity" must be among them
    candidates_per_model   items each model proposes, once among all and once among new items
    negatives_per_user     unbought candidates kept per user and view for training, drawn at random
    held_out_share         share of users kept for early stopping
    consensus              how much the models' consensus counts beside the trees; None leaves all to the trees
    buy_again              which model's odds lead among the items a user had, and how much; None leaves it to the trees
    """

    candidates: list[str] = Field(min_length=1)
    candidates_per_model: int = Field(default=50, ge=1, le=1000)
    negatives_per_user: int = Field(default=150, ge=1)
    held_out_share: float = Field(default=0.15, gt=0, lt=1)
    consensus: ConsensusConfig | None = Field(default_factory=ConsensusConfig)
    buy_again: BuyAgainConfig | None = None
    lambdamart: LambdamartConfig = Field(default_factory=LambdamartConfig)


class RankConfig(TwoStageConfig):
    """The same in the loop.

    retrieval  from how many items on models with vectors are asked through an index
    engine     where the trees are grown
    """

    retrieval: RetrievalConfig = Field(default_factory=RetrievalConfig)
    engine: EngineConfig = Field(default_factory=EngineConfig)


def foretell(
    component: str,
    context: Context,
    users: int,
    bought: sp.csr_matrix,
    config: TwoStageConfig,
    views: int = 2,
    also: str = "",
) -> None:
    """Refuse a training table that will not fit into the memory there is, before its models are asked; ConfigError.

    users   how many are learnt from
    bought  as in `training_table`, of these or of more users
    views   queries of a user; also: another option that makes the table smaller
    """
    proposed = 2 * len(config.candidates) * config.candidates_per_model
    each = bought.nnz / max(bought.shape[0], 1)
    rows = users * views * min(config.negatives_per_user + each, proposed, len(context.items))
    columns = MODEL_COLUMNS * len(config.candidates) + OWN_COLUMNS + GROUP_COLUMNS * len(context.groups)
    columns += len(context.item_names) + len(context.user_names)
    remedy = f"use fewer negatives_per_user ({config.negatives_per_user}){also}"
    check(component, [Part(FLOAT * TABLE_COPIES * float(rows) * columns, remedy)])


@dataclass(frozen=True)
class Table:
    """Rows of the ranker's training: one query per user and view.

    names             of the features
    features          float32 (pairs, len(names))
    labels            int8 (pairs,), 1 where the candidate was bought
    groups            int64 (pairs,), query of every pair, not decreasing; even for all candidates, odd for new ones
    weights           float32 (pairs,), how many candidates of its query a pair stands for
    candidate_recall  share of what was bought that is among the candidates
    """

    names: list[str]
    features: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    weights: np.ndarray
    candidate_recall: float

    def keep(self, mask: np.ndarray) -> Table:
        """The pairs where mask, bool (pairs,), is true."""
        columns = (self.features[mask], self.labels[mask], self.groups[mask], self.weights[mask])
        return Table(self.names, *columns, self.candidate_recall)


def training_table(
    hybrid: Hybrid,
    histories: Histories,
    bought: sp.csr_matrix,
    config: TwoStageConfig,
    rng: np.random.Generator,
    progress: Callable[[Iterable], Iterable] = iter,
    views: tuple[str, ...] = (ALL, NEW),
) -> Table:
    """Features and labels of all users' candidates.

    Every user gives two queries: all its candidates, and only those new to it. Without the second the few
    new items would hardly ever be compared with each other, because repeats fill the top of the first.

    bought  CSR (len(histories), n_items), what was bought in the target window
    views   (NEW,) where nobody is shown again what they had: then each user gives the second query only
    """
    parts, found = [], 0
    for start in progress(list(range(0, len(histories), BLOCK_USERS))):
        rows = np.arange(start, min(start + BLOCK_USERS, len(histories)))
        block = histories.take(rows)
        candidates = hybrid.propose(block)
        labels = _labels(candidates, bought[rows])
        found += int(labels.sum())
        masks = {ALL: np.ones(len(labels), dtype=bool), NEW: ~candidates.seen}
        sampled = [_sample(candidates.rows, labels, masks[v], config.negatives_per_user, rng) for v in views]
        needed = np.logical_or.reduce(sampled)
        names, features = hybrid.features(block, candidates.keep(needed))
        for view, chosen in zip(views, sampled, strict=True):
            groups = 2 * (start + candidates.rows[chosen]) + (view == NEW)
            weights = _stands_for(candidates.rows, labels, masks[view], chosen)
            parts.append((features[chosen[needed]], labels[chosen], groups, weights))
    features, labels, groups, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(groups, kind="stable")
    recall = found / max(bought.nnz, 1)
    return Table(names, features[order], labels[order], groups[order], weights[order], recall)


def held_out_queries(groups: np.ndarray, share: float, rng: np.random.Generator, least: int = 2) -> np.ndarray:
    """bool (pairs,), true for the queries of a random share of users; both views of one go together.

    Of two users or more one at least is left to learn from.
    Raises DataError where there are fewer than `least` users
    """
    users = groups // 2
    distinct = np.unique(users)
    if len(distinct) < least:
        raise DataError(
            f"ranker: {len(distinct)} of the users to learn from went on to something that a candidate model "
            f"proposes, and {least} are needed, to learn from and to stop by; bring more history or a longer "
            "validation window."
        )
    most = max(1, len(distinct) - 1)
    chosen = rng.choice(distinct, size=min(most, max(1, round(share * len(distinct)))), replace=False)
    return np.isin(users, chosen)


def consensus(
    config: ConsensusConfig | None, ranker: Lambdamart, table: Table, held_out: np.ndarray
) -> Consensus | None:
    """Weights of the models by the users the trees learnt from, the trees' lines to log odds by the held-out ones.

    Of users who are shown new items only, their one query counts. Where nobody is held out, the trees' scores take the
    spread of the models'. None where none is asked for, or too few bought: then the trees decide.
    """
    if config is None or HAD not in table.names:
        return None
    whole = table.groups % 2 == 0
    whole = whole if whole.any() else ~whole
    fitted = np.flatnonzero(whole & ~held_out)
    features, bought = table.features[fitted], table.labels[fitted] > 0
    weights = joined(table.names, features, bought, table.weights[fitted])
    if not weights:
        return None
    learnt = float(bought.sum())
    found = Consensus(columns(table.names), **weights, **NO_LINES, trees_share=learnt / (learnt + config.evidence))
    if held_out.any():
        of_trees = _lines_by_held_out(ranker, table, np.flatnonzero(whole & held_out))
    else:
        of_trees = line_alike(ranker.predict(features), found.of_models(table.names, features))
    return replace(found, **of_trees) if of_trees else None


def _lines_by_held_out(ranker: Lambdamart, table: Table, kept: np.ndarray) -> dict[str, tuple[float, float]]:
    features = table.features[kept]
    had = features[:, table.names.index(HAD)] > 0
    return lines(ranker.predict(features), had, table.labels[kept] > 0, table.weights[kept])


def buy_again(config: BuyAgainConfig | None, ranker: Lambdamart, table: Table, held_out: np.ndarray) -> BuyAgain | None:
    """Lines to log odds by all candidates of held-out users; None where none is asked for or too few were bought.

    Raises  ConfigError if the model does not propose candidates, or gives no probabilities; ValueError if nobody is
            held out
    """
    if config is None:
        return None
    if not held_out.any():
        raise ValueError("buy_again: the lines are fitted on users that the trees did not see, and there are none")
    if f"score.{config.model}" not in table.names:
        raise ConfigError(f"params.yaml: rank.buy_again.model: {config.model} is not one of rank.candidates.")
    pairs = np.flatnonzero(held_out & (table.groups % 2 == 0))
    features, bought = table.features[pairs], table.labels[pairs] > 0
    chances = features[:, table.names.index(f"score.{config.model}")]
    return BuyAgain.fit(config, ranker.predict(features), chances, bought, table.weights[pairs])


def _stands_for(rows: np.ndarray, labels: np.ndarray, mask: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """float32 (chosen pairs,): 1 for what was bought; for the others, how many of the row's each stands for."""
    n = int(rows.max(initial=-1)) + 1
    there, drawn = (np.bincount(rows[m & (labels == 0)], minlength=n) for m in (mask, chosen))
    share = there / np.maximum(drawn, 1)
    return np.where(labels[chosen] > 0, 1, share[rows[chosen]]).astype(np.float32)


def _labels(candidates: Candidates, bought: sp.csr_matrix) -> np.ndarray:
    return (np.asarray(bought[candidates.rows, candidates.items]).ravel() > 0).astype(np.int8)


def _sample(
    rows: np.ndarray, labels: np.ndarray, mask: np.ndarray, negatives: int, rng: np.random.Generator
) -> np.ndarray:
    """bool (pairs,): within mask, all bought pairs and at most `negatives` others per row."""
    at = np.flatnonzero(mask)
    rows, labels = rows[at], labels[at]
    order = np.lexsort((np.where(labels > 0, -1.0, rng.random(len(rows))), rows))
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)
    positives = np.bincount(rows, weights=labels, minlength=rows.max(initial=0) + 1)
    chosen = np.zeros(len(mask), dtype=bool)
    chosen[at[order[place < negatives + positives[rows]]]] = True
    return chosen
