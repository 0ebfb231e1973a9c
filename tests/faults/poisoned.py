"""Requests that are wrong among many that are right, all at once: none of the right ones is harmed.

python -m tests.faults.poisoned [--anyway]
"""

import asyncio

import httpx

from tests.faults.shop_service import small_service
from tests.load.lines import Line, told
from tests.load.machine import quiet

POISON = (
    b'{"user_id": "u01", "k": NaN}', b'{"user_id": "\xff"}', b"[" * 5000, b'{"user_id": "u01", "k": 1e999}',
    b'{"history": ["' + b"x" * 200 + b'"]}', b"\x00",
)  # fmt: skip


def measure(shop, rounds=40, neighbours=8):
    """Every round one poisoned request goes among neighbours whose answers are known."""

    async def run():
        async with httpx.AsyncClient(base_url=shop.url, timeout=20) as client:
            known = [await _items(client, f"u{n:02}") for n in range(neighbours)]
            harmed, poisoned = 0, []
            for number in range(rounds):
                poison = client.post("/recommend", content=POISON[number % len(POISON)], headers=JSON)
                bad, *good = await asyncio.gather(poison, *(_items(client, f"u{n:02}") for n in range(neighbours)))
                harmed += sum(one != other for one, other in zip(good, known, strict=True))
                poisoned.append(bad.status_code)
            return {"harmed": harmed, "neighbours": rounds * neighbours, "statuses": sorted(set(poisoned))}

    return asyncio.run(run())


JSON = {"Content-Type": "application/json"}


async def _items(client, user):
    answer = await client.post("/recommend", json={"user_id": user})
    return answer.status_code, answer.json().get("items")


def lines_of(found):
    """Figures and their lines."""
    return [
        Line(f"neighbours harmed, of {found['neighbours']}", found["harmed"], 0),
        Line("highest status of a poisoned request", max(found["statuses"]), 499),
    ]


def main():
    """Print the row; returns the exit code."""
    with small_service() as shop:
        quiet()
        return told(lines_of(measure(shop)))


if __name__ == "__main__":
    raise SystemExit(main())
