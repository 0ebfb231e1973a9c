"""Requests and answers of /search and /suggest: every field typed and bounded, unknown fields refused."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from components.search.engine import Filters
from services.messages import LONGEST_HISTORY, Id, Message, Price

LONGEST_QUERY = 200
Name = Annotated[str, Field(min_length=1, max_length=200)]
Names = Annotated[list[Name], Field(min_length=1, max_length=50)]


class SearchFilters(Message):
    """What may be found: categories of any level and brands by name in any letter case, prices with both ends."""

    categories: Names | None = None
    brands: Names | None = None
    min_price: Price | None = None
    max_price: Price | None = None
    in_stock: bool = Field(default=False, strict=True)

    @model_validator(mode="after")
    def _ordered(self) -> SearchFilters:
        if self.min_price is not None and self.max_price is not None and self.min_price > self.max_price:
            raise ValueError("min_price is above max_price")
        return self

    def filters(self) -> Filters:
        """As the index understands them."""
        categories, brands = (tuple(names) if names else None for names in (self.categories, self.brands))
        return Filters(categories, brands, self.min_price, self.max_price, self.in_stock)


class SearchRequest(Message):
    """What is looked for, and by whom, if that is to matter.

    facets        how many values of every facet to count; 0 counts none
    user_id, history  as in /recommend, but both may be left out
    personalise   bring forward, of what was found, what this person is likely to buy
    """

    query: str = Field(min_length=1, max_length=LONGEST_QUERY)
    filters: SearchFilters = Field(default_factory=SearchFilters)
    facets: int = Field(default=0, ge=0, le=100, strict=True)
    limit: int = Field(default=10, ge=1, le=100, strict=True)
    user_id: Id | None = None
    pseudonymous: bool = Field(default=False, strict=True)
    history: list[Id] | None = Field(default=None, max_length=LONGEST_HISTORY)
    personalise: bool = Field(default=True, strict=True)

    @model_validator(mode="after")
    def _at_most_one(self) -> SearchRequest:
        if self.user_id is not None and self.history is not None:
            raise ValueError("give user_id or history, not both")
        return self


class SuggestRequest(Message):
    """The beginning of a query."""

    text: str = Field(min_length=1, max_length=LONGEST_QUERY)
    limit: int = Field(default=8, ge=1, le=20, strict=True)


class Indexed(Message):
    """Who answered: the release that serves, None where there is none, and the digest of the search index."""

    version: str | None
    release: str | None
    data_digest: str | None
    index: str


class FoundItem(Message):
    """One item; rank starts at 1, a larger score is better and comparable only within one answer."""

    rank: int
    item_id: str
    score: float
    title: str
    category: list[str]
    brand: str | None
    price: float | None
    stock: float | None


class FacetValue(Message):
    """How many of the matching items have it."""

    value: str
    count: int


class SearchAnswer(Indexed):
    """Ranked items.

    corrected     the query as it was taken, where its spelling was corrected
    dropped       words that no item holds
    fallback      some_words, corrected, similar, popular, nothing: how it is not quite what was asked, else null
    note          the same in words
    total         items that match; null unless facets were asked for
    personalised  whether who asked changed the order
    """

    request_id: str
    items: list[FoundItem]
    corrected: str | None
    dropped: list[str]
    fallback: str | None
    note: str | None
    total: int | None
    facets: dict[str, list[FacetValue]]
    personalised: bool


class SuggestedText(Message):
    """A text to offer; kind: query, category, brand, title, or word: the last word was completed."""

    text: str
    kind: str


class SuggestAnswer(Indexed):
    """Completions, the weightiest first."""

    request_id: str
    suggestions: list[SuggestedText]
