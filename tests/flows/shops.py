"""Projects of shops made from docs/examples, and what is read from them."""

import json

import pyarrow.parquet as pq

from components.core import layout
from tests.flows.project import commit_all, copy_checkout

EXAMPLES = "docs/examples"
MOST_LINES = 20
KEY = "a shop brings the key that it had, and its runs repeat"


def new_project(folder, example):
    """A checkout of its own with the example as its shop's file and a pseudonym key that is always the same.

    With a random one, who is held out of what is drawn anew in every run, and so is the gate's margin.
    """
    copy_checkout(folder)
    text = (folder / EXAMPLES / example).read_text()
    assert len(text.splitlines()) <= MOST_LINES
    (folder / "shop.yaml").write_text(text)
    commit_all(folder)
    (folder / layout.STATE).mkdir(exist_ok=True)
    (folder / layout.PSEUDONYM_KEY).write_text(KEY + "\n")
    return folder


def counts(project):
    return json.loads((project / layout.CLEAN / "counts.json").read_text())


def rows(path):
    return pq.read_table(path).to_pylist()


def clean_events(project):
    return rows(project / layout.CLEAN / "interactions.parquet")
