"""Open-loop load from a process of its own: requests leave when they are due, whether earlier ones are answered or not.

A latency counts from the moment at which a request was due, so that a stalled service cannot hide its own queue.

    found = load(url, rate=100, seconds=60)
    found["good"], found["p50"], found["by_status"]
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import uvloop

from tests.load.lean_client import LeanClient

PROJECT = Path(__file__).parents[2]
ANSWER_WITHIN_S = 15
FAILED = 0  # status of a request without an answer


def load(url, rate, seconds, users=200, path="/recommend", retry=False, bodies=None):
    """Ask `rate` times a second; returns counts, and milliseconds of answers by outcome.

    users  how many different ones ask, u0 and on
    retry  ask once more on a fresh connection when one was lost, as clients and proxies do
    bodies  what is asked in turns; None: ten recommendations for each of the users
    """
    return finish(start(url, rate, seconds, users, path, retry, bodies))


def start(url, rate, seconds, users=200, path="/recommend", retry=False, bodies=None):
    """The same, beside whatever else happens; `finish` waits for it."""
    plan = {"url": url, "rate": rate, "seconds": seconds, "users": users, "path": path, "bodies": bodies}
    plan["retry"] = retry
    command = [sys.executable, "-m", "tests.load.open_loop", json.dumps(plan)]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)


def finish(process):
    """What a load found."""
    out, _ = process.communicate(timeout=600)
    assert process.returncode == 0, out
    return json.loads(out.splitlines()[-1])


async def _ask(client, plan, number, due, results):
    bodies = plan["bodies"]
    body = bodies[number % len(bodies)] if bodies else {"user_id": f"u{number % plan['users']:02}", "k": 10}
    status = FAILED
    for _ in range(1 + plan["retry"]):
        try:
            status = await client.post(plan["path"], body)
            break
        except (TimeoutError, OSError):
            continue
    ended = time.perf_counter()
    results.append((due, status, (ended - due) * 1000))


def peak(url, seconds, connections=16, users=200, path="/recommend", bodies=None):
    """Answers a second when that many connections ask again as soon as they are answered: a closed loop."""
    plan = {"url": url, "seconds": seconds, "connections": connections, "users": users, "path": path, "bodies": bodies}
    command = [sys.executable, "-m", "tests.load.open_loop", json.dumps(plan | {"retry": False, "rate": None})]
    return finish(subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True))["good_per_s"]


async def _again_and_again(client, plan, number, until, results):
    while time.perf_counter() < until:
        number += plan["connections"]
        await _ask(client, plan, number, time.perf_counter(), results)


async def _closed(plan):
    client, results = LeanClient(plan["url"], ANSWER_WITHIN_S), []
    began = time.perf_counter()
    asking = (_again_and_again(client, plan, n, began + plan["seconds"], results) for n in range(plan["connections"]))
    await asyncio.gather(*asking)
    return _summary(results, began, time.perf_counter() - began, 0.0)


async def _run(plan):
    client, results, tasks = LeanClient(plan["url"], ANSWER_WITHIN_S), [], set()
    began = time.perf_counter() + 0.1
    for number in range(int(plan["rate"] * plan["seconds"])):
        due = began + number / plan["rate"]
        wait = due - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        tasks.add(task := asyncio.create_task(_ask(client, plan, number, due, results)))
        task.add_done_callback(tasks.discard)
    late = time.perf_counter() - (began + plan["seconds"])
    await asyncio.gather(*tasks)
    return _summary(results, began, plan["seconds"], late)


def _summary(results, began, seconds, late):
    statuses = Counter(status for _, status, _ in results)
    good = np.array([ms for _, status, ms in results if status == 200] or [np.nan])
    refused = np.array([ms for _, status, ms in results if status == 429] or [np.nan])
    per_second = Counter(int(due - began) for due, status, _ in results if status == 200)
    bad = sorted(round(due - began, 2) for due, status, _ in results if status not in (200, 429))
    return {
        "sent": len(results),
        "good": statuses[200],
        "good_per_s": statuses[200] / seconds,
        "by_status": {str(status): count for status, count in sorted(statuses.items())},
        "failed": sum(count for status, count in statuses.items() if status not in (200, 429)),
        "failed_at": [bad[0], bad[-1]] if bad else [],
        "p50": float(np.nanpercentile(good, 50)),
        "p99": float(np.nanpercentile(good, 99)),
        "refused_p99": float(np.nanpercentile(refused, 99)) if statuses[429] else None,
        "good_by_second": [per_second[second] for second in range(int(seconds))],
        "generator_late_s": late,
    }


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    print(json.dumps(uvloop.run(_run(told) if told["rate"] else _closed(told))))
