"""Requests and answers of the service: every field typed and bounded, unknown fields refused."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Field, field_validator, model_validator

from components.core.letters import composed
from components.release.catalogue import Filters

LONGEST_HISTORY = 500
MOST_EVENTS = 100
MOST_ATTRIBUTES = 20
LARGEST_PRICE = 1e6
CLOCK_SKEW_S = 300  # an event this far in the future is a clock that is wrong a little; more is refused

Id = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$"), AfterValidator(composed)]
Word = Annotated[str, Field(min_length=1, max_length=64)]
Price = Annotated[float, Field(ge=0, le=LARGEST_PRICE, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]


class Message(BaseModel):
    """Base of all messages. Inputs stay out of error texts, because those are logged and inputs name users."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class FilterRequest(Message):
    """What may be recommended: categories or departments by name in any letter case, prices with both ends."""

    categories: list[Annotated[str, Field(min_length=1, max_length=128)]] | None = Field(
        default=None, min_length=1, max_length=50
    )
    min_price: Price | None = None
    max_price: Price | None = None

    @model_validator(mode="after")
    def _ordered(self) -> FilterRequest:
        if self.min_price is not None and self.max_price is not None and self.min_price > self.max_price:
            raise ValueError("min_price is above max_price")
        return self

    def filters(self) -> Filters:
        """As the release understands them."""
        return Filters(tuple(self.categories) if self.categories else None, self.min_price, self.max_price)


class RecommendRequest(Message):
    """Who asks: a user_id, or a history of item ids (oldest first) of somebody nobody needs to know.

    pseudonymous  user_id is the release's own name of the person, as a replay of the platform's tables has it
    diversity     weight of being unlike what stands above, in place of what the release declares
    novelty       weight of being little known, likewise; where one is asked for, the release's other gives way
    attributes    of a person without a history, as the users table names them, e.g. {"age": "25-34"}; kept nowhere
    explain       every item tells why it is there; the candidates are scored once more for it
    """

    user_id: Id | None = None
    pseudonymous: bool = Field(default=False, strict=True)
    history: list[Id] | None = Field(default=None, max_length=LONGEST_HISTORY)
    k: int = Field(default=10, ge=1, le=100, strict=True)
    exclude_seen: bool = Field(default=False, strict=True)
    filters: FilterRequest = Field(default_factory=FilterRequest)
    diversity: Share | None = None
    novelty: Share | None = None
    attributes: dict[Word, Word] | None = Field(default=None, max_length=MOST_ATTRIBUTES)
    explain: bool = Field(default=False, strict=True)

    @model_validator(mode="after")
    def _one_of(self) -> RecommendRequest:
        if (self.user_id is None) == (self.history is None):
            raise ValueError("give either user_id or history")
        if (self.diversity or 0) + (self.novelty or 0) > 1:
            raise ValueError("diversity and novelty together are above 1")
        return self


class SimilarRequest(Message):
    """Which item's neighbours."""

    item_id: Id
    k: int = Field(default=10, ge=1, le=100, strict=True)
    filters: FilterRequest = Field(default_factory=FilterRequest)


class Event(Message):
    """Something a user did. It counts in the user's next answer if the release's histories hold events of its type
    (`history_events` in GET /release, facts); all are kept for the read-out.

    event_id    chosen by the sender; the same id sent again changes nothing
    timestamp   unix seconds; left out, the service's clock stamps it
    request_id  the answer that led to it, if any
    pseudonymous  user_id is the release's own name of the person already
    """

    event_id: Id
    user_id: Id
    pseudonymous: bool = Field(default=False, strict=True)
    item_id: Id
    event_type: Literal["view", "click", "cart", "purchase", "rating"] = "purchase"
    timestamp: int | None = Field(default=None, ge=0, strict=True)
    value: Price | None = None
    quantity: int = Field(default=1, ge=1, le=100_000, strict=True)
    request_id: Id | None = None

    @field_validator("timestamp")
    @classmethod
    def _not_in_the_future(cls, value: int | None) -> int | None:
        if value is not None and value > time.time() + CLOCK_SKEW_S:
            raise ValueError("timestamp is in the future (unix seconds, UTC)")
        return value


class EventsRequest(Message):
    """A batch of events, stored all or none; of several that are wrong the first is told."""

    events: Annotated[list[Event], FailFast()] = Field(min_length=1, max_length=MOST_EVENTS)


class Item(Message):
    """One recommended item; rank starts at 1, a larger score is better and comparable only within one answer."""

    rank: int
    item_id: str
    score: float
    title: str | None
    department: str | None
    category: str | None
    brand: str | None
    price: float | None


class OwnItem(Message):
    """Something in this person's history."""

    item_id: str
    title: str | None


class Contribution(Message):
    """What one feature added to the score: `feature` as the ranker calls it, `words` for people."""

    feature: str
    words: str
    added: float


class Reasons(Message):
    """Why an item is there; both are empty where the ranker did not order it.

    because   own items that lead to it, strongest first
    features  what raised its score most, largest first
    """

    because: list[OwnItem]
    features: list[Contribution]


class RecommendedItem(Item):
    """An item recommended to somebody.

    probability  that they buy it in a window as long as the one the ranker learned from, whether or not they buy
                 anything in it; null where nothing says so
    reasons      null unless the request says `explain`
    explored     it stands there by a draw, because few people know it (docs/decisions/0025)
    """

    probability: float | None
    reasons: Reasons | None
    explored: bool = False


class Served(Message):
    """Which release answered: the version in the registry (None where a folder is served), and its digests."""

    version: str | None
    release: str
    data_digest: str


class RecommendAnswer(Served):
    """Ranked items; fallback says why they are not personal, else null.

    Scores need not fall along a list that a policy, diversity or novelty re-ordered; the rank is the order.
    """

    request_id: str
    items: list[RecommendedItem]
    fallback: str | None
    experiment: str | None
    variant: str | None


class SimilarAnswer(Served):
    """Ranked items; fallback says that the item is unknown, else null."""

    request_id: str
    items: list[Item]
    fallback: str | None


class EventsAnswer(Served):
    """What became of the events, by the release that serves now; note says in words what the sender may not expect,
    else null.

    accepted       stored now
    repeated       their event ids were there already
    unknown_items  not in the catalogue
    before_cutoff  older than the release: stored, but they change no answer
    not_counted    of a type that the release's histories do not hold: likewise
    """

    request_id: str
    accepted: int
    repeated: int
    unknown_items: int
    before_cutoff: int
    not_counted: int
    note: str | None


class Refusal(Message):
    """A release the service would not serve, and why."""

    version: str
    reason: str
    at: str


class ShadowState(Message):
    """The version at the alias shadow, as this worker sees it: counts since it began, the rest of its newest answers.

    reason    why it was refused, or its last error
    answers   questions it was asked; errors: of these; left_out: for want of room
    overlap, rank_biased_overlap  means of its agreement with the champion's lists, 0 … 1
    """

    version: str
    state: Literal["running", "refused"]
    reason: str | None
    answers: int = 0
    errors: int = 0
    left_out: int = 0
    overlap: float | None
    rank_biased_overlap: float | None
    p50_ms: float | None
    p99_ms: float | None
    champion_p50_ms: float | None
    champion_p99_ms: float | None


class ReleaseAnswer(Served):
    """What is being served: `loaded_at` and `cutoff_time` in UTC, `facts` from the release itself."""

    loaded_at: str
    cutoff_time: str
    git_commit: str
    facts: dict[str, Any]
    refused: Refusal | None
    shadow: ShadowState | None = None


class CanarySide(Message):
    """What a worker's sliding window holds of one side; p99_ms is null while it holds no answer.

    recommended  answers that recommend, and fallbacks those of them that were not personal
    """

    requests: int
    errors: int
    recommended: int
    fallbacks: int
    p99_ms: float | None


class CanaryState(Message):
    """The version at the alias canary, as this worker sees it.

    share    of the users, 0 unless state is running
    reason   why it was switched off or refused
    """

    version: str
    state: Literal["running", "switched off", "refused"]
    share: float
    reason: str | None
    canary: CanarySide | None
    champion: CanarySide | None


class ChampionState(Message):
    """A champion's first minutes, as this worker sees them: since the swap, and its predecessor before it.

    state   watched; going back: it crossed a line; rolled back; stays: it could not go back, the reason says why
    before  the version that served before it
    """

    version: str
    before: str
    state: Literal["watched", "going back", "rolled back", "stays"]
    reason: str | None = None
    since_swap: CanarySide | None = None
    before_swap: CanarySide | None = None


class HealthAnswer(Message):
    """status: ok, degraded (serves, but something is wrong) or starting (nothing to serve yet).

    refused  the last release that was refused, until another one serves
    canary   null where none was asked for
    champion  while a new one is watched, or after one had to go back; else null
    doubt    where the registry, the history of promotions and this service disagree on the champion
    store_error  why the store of events did not answer this worker when it was asked last
    """

    status: Literal["ok", "degraded", "starting"]
    version: str | None
    refused: Refusal | None
    doubt: str | None = None
    canary: CanaryState | None = None
    champion: ChampionState | None = None
    registry_error: str | None
    store_error: str | None = None
