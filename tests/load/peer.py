"""A bare Starlette application that does the same numpy and XGBoost work, and nothing else: our measure.

LOAD_RELEASE=… uvicorn tests.load.peer:app
"""

import json
import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.routing import Route

from components.release.catalogue import Filters
from components.release.load import load
from components.release.release import RANKER, Question

release = load(Path(os.environ["LOAD_RELEASE"])) if "LOAD_RELEASE" in os.environ else None


def work(body):
    question = Question(
        user_id=body["user_id"], history=(), events=(), k=body["k"], exclude_seen=False,
        filters=Filters(None, None, None), policy=RANKER,
    )  # fmt: skip
    answer = release.recommend(question)
    ids = release.hybrid.items.decode(answer.items).tolist()
    return [
        {"item_id": item_id, "score": float(score), **release.catalogue.describe(int(item))}
        for item, item_id, score in zip(answer.items, ids, answer.scores, strict=True)
    ]


async def recommend(request):
    body = json.loads(await request.body())
    return JSONResponse({"items": await run_in_threadpool(work, body)})


app = Starlette(routes=[Route("/recommend", recommend, methods=["POST"])])
