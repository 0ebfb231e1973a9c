"""What is wrong with a request, in words for the one who sent it: bounded, without a library's links or class names."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ValidationError

from services.messages import EventsRequest, RecommendRequest, SimilarRequest
from services.refused import RefusedError
from services.search_messages import SearchRequest, SuggestRequest

REQUESTS: dict[str, type[BaseModel]] = {
    "/recommend": RecommendRequest,
    "/similar": SimilarRequest,
    "/events": EventsRequest,
    "/search": SearchRequest,
    "/suggest": SuggestRequest,
}
MOST_ENTRIES = 10
MOST_ERRORS = 200  # to look at each of 20,000, which fit into a body, would keep everybody else waiting
LONGEST_NAME = 80
LONGEST_FOUND = 40
LONGEST_WORDS = 200
SHAPES = {"model_type": "an object", "dict_type": "an object", "list_type": "a list", "string_type": "text"}
UNITS = {"timestamp": " of unix seconds, UTC"}  # of what a field is a number, where its name does not say
BOUNDS = {
    "int_type": "should be a whole number",
    "int_from_float": "should be a whole number",
    "float_type": "should be a number",
    "bool_type": "should be true or false",
    "greater_than_equal": "should be at least {ge}",
    "less_than_equal": "should be at most {le}",
    "missing": "is missing",
    "extra_forbidden": "unknown field",
    "string_too_short": "should not be empty",  # no text of ours must be longer than one character
    "string_too_long": "should have at most {max_length} characters",
    "string_pattern_mismatch": "should hold no control characters",
    "too_short": "should not be empty",
    "too_long": "should have at most {max_length} entries",
}
WITHOUT_FOUND = ("missing", "extra_forbidden", "json_invalid", "value_error", "too_short", "too_long")


def understood(path: str, body: bytes) -> BaseModel | None:
    """The request that this body is; None at a path that takes none.

    Raises  RefusedError in words if it is not one, e.g. "k: should be at least 1, found -3"
    """
    request = REQUESTS.get(path)
    if request is None:
        return None
    try:
        return request.model_validate_json(body)
    except ValidationError as e:
        raise RefusedError(400, "bounds", _words(e)) from None


def _words(error: ValidationError) -> str:
    if error.error_count() > MOST_ERRORS:
        return f"body: {error.error_count()} of its fields are wrong; GET /schema.json has those there are"
    errors = error.errors(include_url=False)
    told = [_sentence(each) for each in errors[:MOST_ENTRIES]]
    more = len(errors) - len(told)
    return "; ".join([*told, f"and {more} more"] if more else told)


def _sentence(error: dict[str, Any]) -> str:
    name = ".".join(str(part) for part in error["loc"])[:LONGEST_NAME] or "body"
    return f"{name}: {_wrong(error)}{_found(error)}"


def _wrong(error: dict[str, Any]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in BOUNDS:
        unit = UNITS.get(error["loc"][-1], "") if kind == "int_type" else ""
        return BOUNDS[kind].format(**context) + unit
    if kind in SHAPES:
        return f"should be {SHAPES[kind]}"
    if kind == "json_invalid":
        return f"is not JSON ({str(context.get('error', ''))[:LONGEST_WORDS]})"
    words = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return words[:LONGEST_WORDS]


def _found(error: dict[str, Any]) -> str:
    """What was sent instead, if it is short enough to say."""
    value = error["input"]
    if error["type"] in WITHOUT_FOUND:
        return ""
    if isinstance(value, dict | list):
        return f", found {'an object' if isinstance(value, dict) else 'a list'}"
    shown = json.dumps(value) if value is None or isinstance(value, bool) else repr(value)
    return f", found {shown if len(shown) <= LONGEST_FOUND else shown[:LONGEST_FOUND] + '…'}"
