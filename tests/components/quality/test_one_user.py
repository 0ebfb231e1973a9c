"""A user who holds half of a table's events is told of, and is not named."""

import ibis
import pytest

from components.quality.one_user import OneUserConfig, one_user


def judged(users, config=OneUserConfig(min_events=4)):  # noqa: B008 - frozen
    rows = ibis.memtable({"user_id": users}, schema={"user_id": "string"})
    (found,) = one_user({"interactions": rows, "items": rows}, config)
    return found


def test_half_the_events_of_one_user_warn_without_the_name():
    found = judged(["anna", "anna", "ben", None])
    assert (found.follows, found.evaluated, found.unexpected) == ("warn", 4, 2)
    assert found.observed == "one user has 2 of 4 events"
    assert "anna" not in str(found.as_dict())


@pytest.mark.parametrize(
    "users",
    [["anna", "anna", "ben", "ben", "cleo"], [None, None, None, "anna"], ["", "", "", "anna"]],
    ids=["less than half", "guests", "guests without a name"],
)
def test_people_and_guests_hold(users):
    assert judged(users).follows == "holds"


def test_params_set_the_share_the_least_number_and_the_outcome():
    assert judged(["anna", "ben"]).follows == "nothing to judge"
    assert judged([]).follows == "nothing to judge"
    assert judged(["anna", "anna", "ben", "cleo"], OneUserConfig(min_events=2, share=0.6)).follows == "holds"
    assert judged(["anna", "anna", "ben"], OneUserConfig(min_events=2, outcome="stop")).follows == "stop"


def test_a_table_that_knows_no_users_is_not_judged():
    (found,) = one_user({"exposures": ibis.memtable({"item_id": ["a"]})}, OneUserConfig())
    assert found.follows == "not given"
