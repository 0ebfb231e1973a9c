"""Flows: when, whether, retry, approve. The only room that imports Prefect."""
