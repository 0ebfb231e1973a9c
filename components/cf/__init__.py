"""Collaborative filtering: one file per model, one contract (core/model.py)."""
