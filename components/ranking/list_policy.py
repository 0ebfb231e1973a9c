"""What the shop wants of a list beside relevance: a declared policy, applied after ranking and nowhere else.

Order of the rules: bans, stock and price band take items out; diversity and novelty re-order what is left; caps limit
how many items one category may hold; pins come last and stand where they are declared.
Sources: Carbonell & Goldstein 1998 (doi:10.1145/290941.291025) for maximal marginal relevance; novelty is the
self-information of an item's popularity (Vargas & Castells 2011, doi:10.1145/2043932.2043955).
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

import numpy as np
from pydantic import Field, model_validator

from components.core.config import Config
from components.core.ranking import NO_ITEM

First = Callable[[int], tuple[np.ndarray, np.ndarray]]
MayStand = Callable[[np.ndarray], np.ndarray]
DEPTH = 5  # times k candidates are looked at: far enough for caps, near enough to stay relevant
DEEPEST = 2000  # candidates that are looked at where caps would leave a list short; bounds the time of one answer


class Pin(Config):
    """An item that stands at a position (1 is the top) of every list it is allowed in."""

    item_id: str = Field(min_length=1)
    position: int = Field(ge=1, le=100)


class ListPolicyConfig(Config):
    """Nothing by default: the list is the ranker's.

    diversity        0 … 1, weight of being unlike what stands above, against relevance
    novelty          0 … 1, weight of being little known, against relevance
    max_per_group    group (department, category, subcategory) → most items of one such group in a list
    price_min        list price of one unit; items without a price fall outside a band
    price_max        as above
    in_stock         leave out what the shop says it has none of; unknown stock counts as stock
    pins, bans       items that always and never stand in a list
    """

    diversity: float = Field(default=0.0, ge=0, le=1)
    novelty: float = Field(default=0.0, ge=0, le=1)
    max_per_group: dict[str, int] = Field(default_factory=dict)
    price_min: float | None = Field(default=None, ge=0)
    price_max: float | None = Field(default=None, ge=0)
    in_stock: bool = False
    pins: tuple[Pin, ...] = ()
    bans: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _makes_sense(self) -> ListPolicyConfig:
        if self.diversity + self.novelty > 1:
            raise ValueError(f"diversity {self.diversity:g} and novelty {self.novelty:g} leave nothing for relevance")
        if None not in (self.price_min, self.price_max) and self.price_min > self.price_max:
            raise ValueError(f"price_min {self.price_min:g} is above price_max {self.price_max:g}")
        if any(most < 1 for most in self.max_per_group.values()):
            raise ValueError("max_per_group: a group may hold one item at least; use bans to leave items out")
        positions = [pin.position for pin in self.pins]
        items = [pin.item_id for pin in self.pins]
        if len(set(positions)) < len(positions) or len(set(items)) < len(items):
            raise ValueError("pins: a position or an item is named twice")
        if banned := sorted(set(items) & set(self.bans)):
            raise ValueError(f"pins and bans both name {', '.join(banned)}")
        return self

    def sells(self, n: int, price: np.ndarray | None, stock: np.ndarray | None) -> np.ndarray:
        """bool (n,), what the price band and the stock leave of n items.

        price, stock  float (n,), NaN where unknown; None where no rule asks for them
        """
        left = np.ones(n, dtype=bool)
        if self.price_min is not None:
            left &= price >= self.price_min  # an unknown price is on no side of a bound
        if self.price_max is not None:
            left &= price <= self.price_max
        if self.in_stock:
            left &= ~(stock <= 0)
        return left


@dataclass(frozen=True)
class Shelf:
    """What a policy needs to know of the catalogue.

    vectors     float32 (n_items, d), length 1 or 0; similarity is their cosine
    groups      name → int32 (n_items,)
    popularity  float64 (n_items,), share of all events that name the item, above 0
    price       float64 (n_items,), NaN where unknown; None where the shop has no prices
    stock       float64 (n_items,), NaN where unknown; None where the shop tells no stock
    """

    vectors: np.ndarray
    groups: dict[str, np.ndarray]
    popularity: np.ndarray
    price: np.ndarray | None = None
    stock: np.ndarray | None = None


class ListPolicy:
    """A policy on one catalogue."""

    def __init__(self, config: ListPolicyConfig, shelf: Shelf, item_index: dict[str, int]):
        """item_index: item id → catalogue index; ids that are not in it are told by `unknown`.

        Raises  ValueError if the policy asks for a group, a price or a stock that the shelf does not have
        """
        self.config, self.shelf = config, shelf
        _check_known(config, shelf)
        named = [pin.item_id for pin in config.pins] + list(config.bans)
        self.unknown = sorted({item for item in named if item not in item_index})
        self._bans = np.array([item_index[i] for i in config.bans if i in item_index], dtype=np.int64)
        self._pins = sorted((p.position - 1, item_index[p.item_id]) for p in config.pins if p.item_id in item_index)
        self._allowed = self._left()
        self._allowed.flags.writeable = False

    @property
    def plain(self) -> bool:
        """Whether nothing is asked."""
        return self.config == ListPolicyConfig()

    def asked(self, diversity: float | None, novelty: float | None) -> ListPolicy:
        """The same policy with the wishes of one request, each 0 … 1; None keeps what is declared.

        What is asked for counts: the other of the two gives way where both together would exceed 1.
        """
        if diversity is None and novelty is None:
            return self
        wished = {
            "diversity": min(self.config.diversity, 1 - (novelty or 0)) if diversity is None else diversity,
            "novelty": min(self.config.novelty, 1 - (diversity or 0)) if novelty is None else novelty,
        }
        other = copy(self)
        other.config = self.config.model_copy(update=wished)
        return other

    def allowed(self) -> np.ndarray:
        """bool (n_items,), what bans, stock and price band leave; not to be written to."""
        return self._allowed

    def best(self, first: First, k: int, may_stand: MayStand) -> np.ndarray:
        """int32 (k,), one user's list; -1 where it runs short.

        first      depth → so many ranked items that may stand, best first, with their scores
        may_stand  items → bool, which of them may stand, even pinned
        """
        depth = self.depth(k)
        ranked, scores = first(depth)
        found = self.arrange(ranked, scores, k, may_stand)
        if found[-1] == NO_ITEM and len(ranked) == depth < DEEPEST:  # the caps left too few of the first
            return self.arrange(*first(DEEPEST), k, may_stand)
        return found

    def _left(self) -> np.ndarray:
        allowed = np.ones(len(self.shelf.popularity), dtype=bool)
        allowed[self._bans] = False
        return allowed & self.config.sells(len(allowed), self.shelf.price, self.shelf.stock)

    def pinned(self, listed: np.ndarray) -> np.ndarray:
        """int, indices of the places of a list that hold a pinned item."""
        return np.flatnonzero(np.isin(listed, [item for _, item in self._pins]))

    def has_room(self, listed: np.ndarray, items: np.ndarray) -> np.ndarray:
        """bool, which of these items a list may hold beside all it holds, by the caps."""
        room = np.ones(len(items), dtype=bool)
        for name, most in self.config.max_per_group.items():
            of = self.shelf.groups[name]
            held = np.bincount(of[listed], minlength=int(of.max(initial=0)) + 1)
            room &= held[of[items]] < most
        return room & ~np.isin(items, [item for _, item in self._pins])

    def depth(self, k: int) -> int:
        """How many ranked items `arrange` should be given for a list of k."""
        return k if self.plain else DEPTH * k

    def arrange(self, ranked: np.ndarray, scores: np.ndarray, k: int, may_stand: MayStand | None = None) -> np.ndarray:
        """int32 (k,), one user's list: the ranked items re-ordered, capped, with the pins; -1 where it runs short.

        ranked   int (m,) catalogue indices, best first, -1 at the end where there are fewer
        scores   float (m,), not increasing
        may_stand  as in `best`, asked of the pins; None: all
        """
        held = ranked >= 0
        items, relevance = ranked[held].astype(np.int64), _unit(scores[held])
        pins = self._pins
        if pins and may_stand is not None:
            stands = may_stand(np.array([item for _, item in pins]))
            pins = [pin for pin, does in zip(pins, stands, strict=True) if does]
        free = k - sum(place < k for place, _ in pins)
        pinned = [item for _, item in pins]
        keep = ~np.isin(items, pinned)  # a pin beyond the list has no place in it either
        standing = np.array([item for place, item in pins if place < k], dtype=np.int64)
        chosen = self._greedy(items[keep], relevance[keep], free, standing)
        return _with_pins(chosen, pins, k)

    def _greedy(self, items: np.ndarray, relevance: np.ndarray, k: int, pins: np.ndarray) -> list[int]:
        """One place at a time: the best weighted sum among what the caps still let in beside the pins."""
        config, shelf = self.config, self.shelf
        own = (1 - config.diversity - config.novelty) * relevance
        own += config.novelty * _unit(-np.log2(shelf.popularity[items]))
        vectors = shelf.vectors[items]
        likeness = (vectors @ shelf.vectors[pins].T).max(axis=1, initial=0.0)
        open_ = self.has_room(pins, items)
        chosen: list[int] = []
        while len(chosen) < k and open_.any():
            at = int(np.argmax(np.where(open_, own - config.diversity * likeness, -np.inf)))
            chosen.append(int(items[at]))
            open_[at] = False
            if config.diversity:
                likeness = np.maximum(likeness, vectors @ vectors[at])
            if config.max_per_group:
                open_ &= self.has_room(np.concatenate((pins, chosen)), items)
        return chosen


def _with_pins(chosen: list[int], pins: list[tuple[int, int]], k: int) -> np.ndarray:
    out = np.full(k, NO_ITEM, dtype=np.int32)
    for place, item in pins:
        if place < k:
            out[place] = item
    free = np.flatnonzero(out == NO_ITEM)[: len(chosen)]
    out[free] = chosen
    return out[np.argsort(out == NO_ITEM, kind="stable")]  # a list that runs short has its gap at the end


def _unit(values: np.ndarray) -> np.ndarray:
    """Values moved to 0 … 1; all equal ones become 1."""
    if not len(values):
        return np.zeros(0)
    low, high = float(values.min()), float(values.max())
    return np.ones(len(values)) if high == low else (values - low) / (high - low)


def _check_known(config: ListPolicyConfig, shelf: Shelf) -> None:
    if missing := sorted(set(config.max_per_group) - set(shelf.groups)):
        known = ", ".join(shelf.groups) or "none"
        raise ValueError(f"policy: max_per_group names {', '.join(missing)}; the catalogue's groups: {known}")
    if shelf.price is None and (config.price_min is not None or config.price_max is not None):
        raise ValueError("policy: a price band, and the items have no prices")
    if shelf.stock is None and config.in_stock:
        raise ValueError("policy: in_stock, and the items have no stock")
