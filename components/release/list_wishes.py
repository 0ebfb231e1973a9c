"""The shop's list policy on a release's own catalogue: what it says of items, in the words that a policy asks for."""

from __future__ import annotations

import numpy as np

from components.core.dataset import Dataset
from components.core.errors import ConfigError
from components.ranking.hybrid import Hybrid
from components.ranking.list_policy import ListPolicy, ListPolicyConfig, Shelf
from components.release.catalogue import Catalogue

LIST_POLICY = "list_policy"  # in release.json: what differs from no policy
UNKNOWN_NAMES = "list_policy_unknown_items"  # in release.json: pinned or banned, and not in the catalogue


def list_policy(wishes: ListPolicyConfig, hybrid: Hybrid, catalogue: Catalogue, known: Dataset) -> ListPolicy:
    """The policy, ready to be applied; its `unknown` names pinned or banned items that are not in the catalogue.

    Raises ConfigError if the catalogue lacks what the wishes need, or they leave no item.
    """
    named = [*(pin.item_id for pin in wishes.pins), *wishes.bans]
    index = {item: at for item in named if (at := hybrid.items.index(item)) >= 0}
    try:
        policy = ListPolicy(wishes, shelf(hybrid, catalogue, known), index)
    except ValueError as e:
        raise ConfigError(
            f"register.{LIST_POLICY}: {e}; change it in params.yaml, or give the items what it asks."
        ) from e
    if not policy.allowed().any():
        raise ConfigError(
            f"register.{LIST_POLICY}: bans, price band and stock leave no item of the catalogue; widen them."
        )
    return policy


def shelf(hybrid: Hybrid, catalogue: Catalogue, known: Dataset) -> Shelf:
    """The catalogue as a policy sees it. An item nobody bought counts as bought once, so that novelty ends."""
    events = np.bincount(known.histories.items, minlength=len(hybrid.items)) + 1.0
    context = hybrid.context
    return Shelf(
        vectors=context.vectors,
        groups={group.name: group.of for group in context.groups},
        popularity=events / events.sum(),
        price=None if np.isnan(catalogue.price).all() else catalogue.price,
        stock=catalogue.stock,
    )
