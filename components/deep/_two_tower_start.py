"""What two towers take over from another shop's or department's model. Nothing here imports TensorFlow."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from components.core.bundle import MANIFEST, verify
from components.core.content import ItemContent
from components.core.dataset import Dataset, Histories
from components.core.errors import DataError
from components.core.model import load
from components.deep._numpy_layers import Weights, directions

if TYPE_CHECKING:
    from components.deep._two_tower_training import Towers
    from components.deep.two_tower import TwoTower

KNOWN_UNTIL = "known_until"  # among the weights, int64 (1,): the cut-off of what was fitted on, unix seconds
HAS_ID = "has_id"  # among the weights, bool (n_items,): items with a vector of their own
FOLD = "fold"  # in the provenance: the fold that was fitted on


def keys_of(content: ItemContent) -> np.ndarray:
    """int64 (attributes,): a number for each attribute's name, the same in every shop."""
    digests = [hashlib.sha256(name.encode()).digest()[:8] for name in content.feature_names()]
    return np.array([int.from_bytes(digest, "little", signed=True) for digest in digests], dtype=np.int64)


def bundles_of(folder: Path) -> list[Path]:
    """The folder itself where it is a bundle, else the bundles in it, one for each fold."""
    if (folder / MANIFEST).is_file() or not folder.is_dir():
        return [folder]
    return [at for at in sorted(folder.iterdir()) if (at / MANIFEST).is_file()] or [folder]


def begun_from(model: TwoTower, folder: Path, data: Dataset) -> TwoTower:
    """What a model starts from: of several folds' models the one that knows most, and nothing that is asked of `data`.

    Raises BundleError if the folder is no bundle, DataError if its model is of another kind or its vectors have another
    length, or if it knows of later events with the same items.
    """
    from components.deep.two_tower import TwoTower

    name, size = f"{model.component()}: start_from", model.config.embedding_size
    found = [(load(at), verify(at).get(FOLD, "")) for at in bundles_of(folder)]
    if not all(isinstance(other, TwoTower) and other.config.embedding_size == size for other, _ in found):
        raise DataError(f"{name}: {folder} is no two_tower of embedding_size {size}; train one such.")
    able = [(other, fold) for other, fold in found if not _knows_more(other, fold, data)]
    if not able:
        of = f"the {data.fold} fold" if data.fold else "these data"
        raise DataError(
            f"{name}: what lies in {folder} was fitted on events that {of} must not know, and would foretell what it "
            "has seen; fit it again on the same folds, and give the folder that they lie in."
        )
    return max(able, key=lambda found: (_until(found[0]), found[1] == data.fold))[0]


def _knows_more(other: TwoTower, fold: str, data: Dataset) -> bool:
    """Whether a model may have seen what is asked of the data: a later cut-off, or the same one in another fold.

    Where each user's last turn is held out, all folds have one cut-off. A model of other items is of another shop.
    """
    until = _until(other)
    later = until > data.now or (until == data.now and fold != data.fold)
    return later and bool((other.items.encode(data.items.ids) >= 0).any())


def _until(other: TwoTower) -> int:
    """Unix seconds, before which all lies that the model was fitted on."""
    return int(other.weights[KNOWN_UNTIL][0])


def by_their_buyers(other: TwoTower, histories: Histories, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places in another model's space of items it does not have, from what their buyers did among those it has.

    known    int (n_items,), index of each item in the other model's vocabulary, or -1 where it has no vector there
    Returns  float32 (m, d), as long as that model's vectors on average, and int (m,), which items these are
    """
    at_home = histories.keep(known[histories.items] >= 0)
    some = np.flatnonzero(at_home.lengths)
    there = at_home.take(some)
    users = other.directions_of(replace(there, items=known[there.items].astype(np.int32)))
    bought = histories.take(some).matrix(len(known), binary=True)
    sums = bought.T @ users
    items = np.flatnonzero((known < 0) & (np.linalg.norm(sums, axis=1) > 0))
    length = np.linalg.norm(other.weights["tower_vectors"], axis=1).mean()
    return directions(sums[items]) * length, items


def start_from(towers: Towers, data: Dataset, content: ItemContent, other: TwoTower) -> None:
    """Take over another model's vectors of shared items and attributes, and its user network where all sizes agree.

    A shared item starts at that model's whole vector, less what its attributes say here. An item that nobody bought
    there starts where those stand in its space who bought it here and a shared item besides; one of which only
    attributes are shared without an id vector, because its own singular vectors are of another space.
    """
    w, ids, features = other.weights, towers.ids.numpy(), content.features()
    ids[_take_attributes(towers, keys_of(content), features, w)] = 0
    attributes, known = towers.attributes.numpy(), other.items.encode(data.items.ids)
    known = np.where((known >= 0) & w[HAS_ID][known], known, -1)
    shared = known >= 0
    said = features @ attributes if len(attributes) else 0 * ids
    ids[shared] = w["tower_vectors"][known[shared]] - said[shared]
    if shared.any():
        placed, at = by_their_buyers(other, data.histories, known)
        ids[at] = placed - said[at]
    towers.ids.assign(ids)
    network = [(variable, w.get(variable.path.replace("/", "."))) for variable in towers.user.trainable_variables]
    if all(value is not None and value.shape == tuple(variable.shape) for variable, value in network):
        for variable, value in network:  # whole or not at all: a trained layer after a random one knows nothing
            variable.assign(value)


def _take_attributes(towers: Towers, keys: np.ndarray, features: sp.csr_matrix, weights: Weights) -> np.ndarray:
    """Take over the vectors of attributes of the same name; int (m,), the items that have one of them.

    keys, features  of the content here, as `keys_of` and `ItemContent.features` have them
    """
    attributes = towers.attributes.numpy()
    place = {key: at for at, key in enumerate(weights.get("attribute_keys", np.zeros(0)).tolist())}
    here = np.array([at for at, key in enumerate(keys.tolist()) if key in place], dtype=np.int64)
    if not len(here):
        return here
    there = [place[key] for key in keys[here].tolist()]
    attributes[here] = weights["attribute_embeddings"][there]
    towers.attributes.assign(attributes)
    return np.flatnonzero(np.diff(features[:, here].indptr))
