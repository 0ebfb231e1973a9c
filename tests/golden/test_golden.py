"""What a component answers, written down: a change of output must come with a new `version`.

Scores on a tiny fixed data set, one JSON file per model with the version that gave them. Training of the deep models
differs by machine, so for them the numpy forward pass from fixed weights is written down instead.
Write the files anew (or only some, by name): PYTHONPATH=. .venv/bin/python tests/golden/test_golden.py
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from components.core.bundle import read_json, write_json
from components.core.config import parse
from components.core.content import ItemContent
from components.core.dataset import DAY_S, Dataset, Histories
from components.core.model import Model
from components.core.registry import MODELS
from components.core.rng import stream
from components.core.vocabulary import Vocabulary

FOLDER = Path(__file__).parent
COMMAND = "PYTHONPATH=. .venv/bin/python tests/golden/test_golden.py"
NOW = 100 * DAY_S
ITEMS = 6
DIGITS = 4  # of every score; float32 on another machine agrees to more than that
TOLERANCE = 2e-4
SEQUENCES = {"embedding_size": 4, "max_length": 3}
PARAMS = {
    "als": {"embedding_size": 3, "regularization": 0.1},
    "bpr": {"embedding_size": 3, "epochs": 20},
    "ease": {"regularization": 1},
    "gru4rec": SEQUENCES,
    "pure_svd": {"embedding_size": 2},
    "sasrec": SEQUENCES,
    "slim": {"l2": 1},
    "tifu_knn": {"neighbours": 2},
    "multi_vae": {"embedding_size": 3, "hidden_size": 4},
    "light_gcn": {"embedding_size": 4},
    "fm": SEQUENCES | {"context": ["hour", "weekday"]},
    "deep_fm": SEQUENCES | {"hidden_sizes": [3, 2]},
    "neumf": SEQUENCES | {"hidden_sizes": [3, 2]},
    "bert4rec": SEQUENCES | {"blocks": 1, "temperature": 0.5},
    **dict.fromkeys(("two_tower", "content_mlp", "content_cnn"), SEQUENCES | {"hidden_size": 3, "temperature": 0.5}),
}


def shop() -> Dataset:
    """Eight users; arithmetic, not random numbers, so that no library can change it."""
    rows = [
        (f"u{user}", f"i{(user * (basket + 1) + line * line) % ITEMS}", NOW - (40 - 5 * basket - user) * DAY_S)
        for user in range(8)
        for basket in range(4)
        for line in range(1 + (user + basket) % 3)
    ]
    users, items, times = (np.array(column) for column in zip(*rows, strict=True))
    aisles = {"category": np.arange(ITEMS, dtype=np.int32) // 2 - 1}  # the first two items are in none
    content = ItemContent(np.zeros((ITEMS, 0), np.float32), aisles)
    return replace(Dataset.from_events(users, items, times, NOW), content=content)


def asked() -> Histories:
    """A long history, a short one, and none."""
    times = [[NOW - 30 * DAY_S, NOW - 30 * DAY_S, NOW - 9 * DAY_S, NOW - 2 * DAY_S], [NOW - DAY_S], []]
    return Histories.of([[0, 3, 1, 0], [4], []], times, NOW)


def model_of(name: str) -> Model:
    """Fitted on the shop, or, if it is trained by Keras, with weights from a formula."""
    cls = MODELS.get(name)
    model = cls(parse(cls.Config, PARAMS.get(name), "golden"))
    if not MODELS.file(name).startswith("components/deep/"):
        return model.fit(shop(), stream(1, "golden", name))
    model.items = Vocabulary.fit([f"i{item}" for item in range(ITEMS)])
    model.restore({key: wave(shape) for key, shape in WEIGHTS[name].items()})
    return model


def wave(shape: tuple[int, ...]) -> np.ndarray:
    """float32 numbers between -1 and 1, all different."""
    return np.sin(1 + np.arange(np.prod(shape)) * 1.7).reshape(shape).astype(np.float32)


_D = SEQUENCES["embedding_size"]
_HEADS, _KEY = 2, _D // 2
_ITEMS = {"item_embeddings": (ITEMS, _D), "item_biases": (ITEMS,)}
_VECTOR = (_D,)
_PROJECTION = {"kernel": (_D, _HEADS, _KEY), "bias": (_HEADS, _KEY)}
_NORMS = ("attention_norm_0", "dense_norm_0", "last_norm")
_PAIRS = {
    "history_embeddings": (ITEMS, _D),
    "history_biases": (ITEMS,),
    "item_vectors": (ITEMS, _D),
    "item_biases": (ITEMS,),
}
_NETWORK = {
    "user_first": (_D, 3),
    "item_first": (ITEMS, 3),
    "second.kernel": (3, 2),
    "second.bias": (2,),
    "last.kernel": (2, 1),
}
WEIGHTS = {
    "gru4rec": {
        **_ITEMS,
        "gru.gru_cell.kernel": (_D, 3 * _D),
        "gru.gru_cell.recurrent_kernel": (_D, 3 * _D),
        "gru.gru_cell.bias": (2, 3 * _D),
    },
    "sasrec": {
        **_ITEMS,
        "positions.embeddings": (SEQUENCES["max_length"], _D),
        **{f"{norm}.{part}": _VECTOR for norm in _NORMS for part in ("gamma", "beta")},
        **{f"attention_0.{p}.{w}": s for p in ("query", "key", "value") for w, s in _PROJECTION.items()},
        "attention_0.attention_output.kernel": (_HEADS, _KEY, _D),
        "attention_0.attention_output.bias": _VECTOR,
        **{f"{layer}_0.kernel": (_D, _D) for layer in ("hidden", "dense")},
        **{f"{layer}_0.bias": _VECTOR for layer in ("hidden", "dense")},
    },
    "multi_vae": {
        **_ITEMS,
        "input_embeddings": (ITEMS, _D),
        "input_bias": _VECTOR,
        "mean.kernel": (_D, 3),
        "mean.bias": (3,),
        "hidden.kernel": (3, _D),
        "hidden.bias": _VECTOR,
    },
    "light_gcn": {**_ITEMS, "history_embeddings": (ITEMS, _D)},
    "fm": {**_PAIRS, "hour": (24, _D), "weekday": (7, _D)},
    "deep_fm": {**_PAIRS, **_NETWORK},
    "neumf": {**_PAIRS, **_NETWORK, "deep_history": (ITEMS, _D)},
    "two_tower": {
        "tower_vectors": (ITEMS, _D),
        "item_biases": (ITEMS,),
        "user_linear.kernel": (2 * _D, _D),
        "user_hidden.kernel": (2 * _D, 3),
        "user_hidden.bias": (3,),
        "user_out.kernel": (3, _D),
        "user_out.bias": _VECTOR,
    },
}
WEIGHTS["bert4rec"] = WEIGHTS["sasrec"] | {"mask_vector": _VECTOR}
WEIGHTS["content_mlp"] = WEIGHTS["content_cnn"] = WEIGHTS["two_tower"]  # an item's tower is applied when it is fitted


def answer(name: str) -> dict[str, object]:
    """What the golden file of a model holds."""
    scores = model_of(name).score(asked()).astype(np.float64).round(DIGITS) + 0.0  # no -0.0
    return {"model": name, "version": MODELS.get(name).version, "scores": scores.tolist()}


@pytest.mark.parametrize("name", MODELS.names())
def test_output_changes_only_with_the_version(name: str) -> None:
    file = FOLDER / f"{name}.json"
    assert file.exists(), f"{name} has no golden file: run `{COMMAND}` and commit it"
    known, found = read_json(file), answer(name)
    assert found["version"] == known["version"], f"{name} has a new version: run `{COMMAND}` and look at what changed"
    same = np.allclose(found["scores"], known["scores"], rtol=TOLERANCE, atol=TOLERANCE)
    assert same, f"the output of {name} changed: bump its `version` and run `{COMMAND}` to write the golden file anew"


def test_every_golden_file_belongs_to_a_model() -> None:
    assert {file.stem for file in FOLDER.glob("*.json")} == set(MODELS.names())


def test_a_change_of_output_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    cls = MODELS.get("ease")
    score = cls.score
    monkeypatch.setattr(cls, "score", lambda self, histories: score(self, histories) * 1.01)
    with pytest.raises(AssertionError, match="the output of ease changed: bump its `version`"):
        test_output_changes_only_with_the_version("ease")


if __name__ == "__main__":
    for each in sys.argv[1:] or MODELS.names():
        write_json(FOLDER / f"{each}.json", answer(each))
