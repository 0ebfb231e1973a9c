"""Splits: which part of the past a model may see, and which part it is asked about."""
