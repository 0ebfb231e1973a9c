"""Keys take turns: one that asks for much does not make the others wait for all of it."""

import asyncio

import pytest

from services.admission import FULL_OF_YOURS, Admission
from services.refused import RefusedError
from services.request_record import CURRENT, RequestRecord
from services.turns import Turns


async def served(places, *callers):
    """The order in which they are served; each caller is (key, name) and takes one tick of the loop."""
    turns, order = Turns(places), []

    async def ask(key, name):
        async with turns.turn(key):
            order.append(name)
            await asyncio.sleep(0)

    await asyncio.gather(*(ask(key, name) for key, name in callers))
    assert turns._free == places
    return order


def test_a_key_that_comes_late_waits_for_one_turn_of_the_busy_key_and_not_for_all():
    busy = [("busy", f"b{n}") for n in range(20)]
    order = asyncio.run(served(1, *busy, ("web", "w0"), ("web", "w1"), (None, "guest")))
    assert order[:7] == ["b0", "b1", "w0", "guest", "b2", "w1", "b3"]
    assert order[7:] == [f"b{n}" for n in range(4, 20)]


def test_one_key_alone_is_served_in_the_order_in_which_it_came():
    callers = [("web", n) for n in range(50)]
    assert asyncio.run(served(4, *callers)) == list(range(50))


@pytest.mark.parametrize("at", ["waiting", "at its turn"])
def test_who_leaves_takes_no_place_along(at):
    async def story():
        turns = Turns(1)
        first = turns.turn("a")
        await first.__aenter__()
        leaving = asyncio.create_task(hold(turns))
        await asyncio.sleep(0)
        if at == "waiting":
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
        await first.__aexit__(None, None, None)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        async with asyncio.timeout(1), turns.turn("b"):
            return turns._free

    assert asyncio.run(story()) == 0


async def hold(turns):
    async with turns.turn("a"):
        await asyncio.sleep(60)


def test_no_key_holds_all_places_and_without_keys_all_can_be_held():
    admission = Admission(8)
    held = [entered(admission, "busy") for _ in range(6)]
    with pytest.raises(RefusedError, match=FULL_OF_YOURS) as refused:
        entered(admission, "busy")
    assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "1"})
    held += [entered(admission, "web"), entered(admission, None)]
    assert admission.is_full
    for place in held:
        place.__exit__(None, None, None)
    assert (admission.inside, admission._of_key) == (0, {})
    without_keys = [entered(admission, None) for _ in range(8)]
    assert (len(without_keys), admission.is_full) == (8, True)


def entered(admission, key):
    token = CURRENT.set(RequestRecord(key=key))
    try:
        place = admission.admitted()
        place.__enter__()
    finally:
        CURRENT.reset(token)
    return place
