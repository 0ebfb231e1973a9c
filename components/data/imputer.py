"""A learned fill for gaps in items and users: ridge regression on the words and numbers of their other columns.

Use it where a group's median is too coarse: a price from category, brand and the words of the title. Words and levels
become columns of zeros and ones; a number is predicted (on the scale of log(1 + x) where none is negative), a text is
chosen among the frequent ones by one regression per word. A fifth of the known rows, by hash of the id, first tests the
model against the median or the mode; where it does not win, the median or mode fills the gaps and the report says so.
Stored as a bundle of arrays and words. Cost: columns³ once; a second for 1,000 columns.
Source: Hoerl & Kennard 1970 (doi:10.1080/00401706.1970.10488634).
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from components.core import bundle
from components.core.errors import BundleError

if TYPE_CHECKING:
    from ibis import Table

VERSION = 1
MAX_COLUMNS, MAX_CLASSES, MAX_ROWS = 1000, 50, 200_000
MIN_ROWS = 5  # of a word to become a column, of a text to become a choice
REGULARIZATION = 1.0
TEST_EVERY = 5
TOKEN = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+")  # a Chinese character is a word of its own
GAP_KEY, GAP_FILL = "gap_key", "gap_fill"


class Imputer:
    """A fitted model; arrays and words only."""

    def __init__(self, words: list[str], weights: np.ndarray, centre: np.ndarray, choices: list[str], bounds: tuple):
        """A model from its parts; `fit` and `load` make one.

        words    tokens, one per row of weights
        weights  float64 (words, outputs); one output for a number, one per choice for a text
        centre   float64 (words + outputs,): means of the columns, then of the outputs
        choices  texts that can be predicted; empty for a number
        bounds   least and largest known number, whether the scale is log(1 + x)
        """
        self.words, self.weights, self.centre, self.choices, self.bounds = words, weights, centre, choices, bounds

    @classmethod
    def fit(cls, rows: list[dict], column: str, learn_from: Sequence[str]) -> Imputer:
        """Learn from rows whose `column` is known."""
        tokens = [_tokens(row, learn_from) for row in rows]
        frequent = Counter(t for found in tokens for t in found)
        words = [t for t, n in sorted(frequent.items(), key=lambda kv: (-kv[1], kv[0])) if n >= MIN_ROWS]
        words = words[:MAX_COLUMNS]
        matrix = _matrix(tokens, words)
        target, choices, bounds = _target([row[column] for row in rows])
        mean_x, mean_y = np.asarray(matrix.mean(axis=0)).ravel(), target.mean(axis=0)
        gram = (matrix.T @ matrix).toarray() - len(rows) * np.outer(mean_x, mean_x)
        gram[np.diag_indices_from(gram)] += REGULARIZATION
        right = matrix.T @ target - len(rows) * np.outer(mean_x, mean_y)
        weights = np.linalg.solve(gram, right) if words else np.zeros((0, target.shape[1]))
        return cls(words, weights, np.concatenate([mean_x, mean_y]), choices, bounds)

    def predict(self, rows: list[dict], learn_from: Sequence[str]) -> list:
        """A number within the known bounds, to six digits, or one of the choices, for every row."""
        matrix = _matrix([_tokens(row, learn_from) for row in rows], self.words)
        mean_x, mean_y = np.split(self.centre, [len(self.words)])
        scores = matrix @ self.weights - mean_x @ self.weights + mean_y
        if self.choices:
            return [self.choices[i] for i in scores.argmax(axis=1)]
        low, high, log = self.bounds
        numbers = np.expm1(scores[:, 0]) if log else scores[:, 0]
        return [float(f"{x:.6g}") for x in numbers.clip(low, high)]

    def save(self, folder: Path, facts: dict) -> None:
        """Write it as a bundle."""
        meta = {"kind": "imputer", "format": VERSION, "words": self.words, "choices": self.choices, **facts}
        low, high, log = self.bounds
        arrays = {"weights": self.weights, "centre": self.centre, "bounds": np.array([low, high, float(log)])}
        bundle.write(folder, meta, arrays=arrays)

    @classmethod
    def load(cls, folder: Path) -> Imputer:
        """Read it back, verified; BundleError if it is anything else."""
        content = bundle.read(folder)
        if content.meta.get("kind") != "imputer" or content.meta.get("format") != VERSION:
            raise BundleError(f"{folder}: not an imputer of format {VERSION}; run the clean step again.")
        low, high, log = content.arrays["bounds"].tolist()
        arrays = content.arrays
        return cls(
            content.meta["words"], arrays["weights"], arrays["centre"], content.meta["choices"], (low, high, bool(log))
        )


def impute(
    table: Table, known: Table, key: str, column: str, learn_from: Sequence[str], folder: Path
) -> tuple[Table, list[str]]:
    """The table with the gaps of a column filled, and a sentence for the report.

    known    rows that may teach
    key      column that names a row
    folder   where the bundle goes
    """
    import ibis

    columns = [key, column, *learn_from]
    teachers = known.filter(_known(known, column)).select(*columns).order_by(columns).limit(MAX_ROWS)
    rows = teachers.to_pyarrow().to_pylist()
    gaps = table.filter(~_known(table, column)).select(key, *learn_from).distinct().order_by([key, *learn_from])
    missing = gaps.to_pyarrow().to_pylist()
    if len(rows) < 2 * TEST_EVERY or not missing:
        return table, [f"{column}: nothing was learned, {len(rows)} known rows and {len(missing)} gaps."]
    model, baseline, words, facts = _contest(rows, key, column, learn_from)
    model.save(folder, facts | {"column": column, "learn_from": list(learn_from)})
    values = model.predict(missing, learn_from) if facts["won"] else [baseline] * len(missing)
    fills = dict(zip([row[key] for row in missing], values, strict=True))
    pairs = ibis.memtable(
        {GAP_KEY: list(fills), GAP_FILL: list(fills.values())},
        schema={GAP_KEY: "string", GAP_FILL: str(table[column].type())},
    )
    joined = table.left_join(pairs, table[key] == pairs[GAP_KEY])
    filled = ibis.cases((_known(joined, column), joined[column]), else_=joined[GAP_FILL])
    return joined.mutate(**{column: filled}).select(*table.columns), [f"{column}: {words}"]


def _contest(rows: list[dict], key: str, column: str, learn_from: Sequence[str]):
    """The model of all rows, the median or mode, who did better on unseen rows in words, and the facts."""
    unseen = [_bucket(row[key]) == 0 for row in rows]
    train = [row for row, test in zip(rows, unseen, strict=True) if not test]
    test = [row for row, test in zip(rows, unseen, strict=True) if test]
    baseline = _baseline([row[column] for row in rows])
    model = Imputer.fit(rows, column, learn_from)
    if not test or not train:
        return model, baseline, "too few rows to test the model, the usual value fills the gaps.", {"won": False}
    tested, usual = Imputer.fit(train, column, learn_from), _baseline([row[column] for row in train])
    truth = [row[column] for row in test]
    errors = [_error(truth, guess) for guess in (tested.predict(test, learn_from), [usual] * len(test))]
    won = errors[0] < errors[1]
    kind = "mean absolute error" if isinstance(baseline, float) else "share of wrong words"
    words = (
        f"on {len(test):,} rows it had not seen, the model's {kind} is {errors[0]:.4g}, that of the usual value "
        f"{errors[1]:.4g}; the {'model' if won else 'usual value'} fills the gaps."
    )
    return model, baseline, words, {"won": won, "error": errors[0], "usual_error": errors[1]}


def _error(truth: list, guess: list) -> float:
    if isinstance(truth[0], str):
        return float(np.mean([a != b for a, b in zip(truth, guess, strict=True)]))
    return float(np.abs(np.array(truth) - np.array(guess)).mean())


def _baseline(values: list):
    if isinstance(values[0], str):
        return min(Counter(values).items(), key=lambda kv: (-kv[1], kv[0]))[0]
    return float(np.median(values))


def _target(values: list) -> tuple[np.ndarray, list[str], tuple]:
    """Outputs (rows, n), choices and bounds."""
    if isinstance(values[0], str):
        frequent = sorted(Counter(values).items(), key=lambda kv: (-kv[1], kv[0]))[:MAX_CLASSES]
        choices = [word for word, _ in frequent]
        return np.array([[float(v == c) for c in choices] for v in values]), choices, (0.0, 0.0, False)
    numbers = np.array(values, dtype=np.float64)
    log = bool(numbers.min() >= 0)
    scaled = np.log1p(numbers) if log else numbers
    return scaled[:, None], [], (float(numbers.min()), float(numbers.max()), log)


def _tokens(row: dict, columns: Sequence[str]) -> set[str]:
    """What a row says: each column's whole value and its words; numbers by their power of two."""
    found = set()
    for c in columns:
        value = row[c]
        if isinstance(value, str) and value.strip():
            found |= {f"{c}={value}", *(f"{c}~{word}" for word in TOKEN.findall(value.lower()))}
        elif isinstance(value, int | float):
            found.add(f"{c}^{0 if value == 0 else np.frexp(value)[1] * int(np.sign(value))}")
    return found


def _matrix(tokens: list[set[str]], words: list[str]) -> sp.csr_matrix:
    at = {word: i for i, word in enumerate(words)}
    columns = [sorted(at[t] for t in found if t in at) for found in tokens]
    indptr = np.concatenate([[0], np.cumsum([len(c) for c in columns])])
    indices = np.array([i for c in columns for i in c], dtype=np.int64)
    return sp.csr_matrix((np.ones(len(indices)), indices, indptr), shape=(len(tokens), len(words)))


def _known(table: Table, column: str):
    value = table[column]
    return value.strip().nullif("").notnull() if value.type().is_string() else value.notnull()


def _bucket(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % TEST_EVERY
