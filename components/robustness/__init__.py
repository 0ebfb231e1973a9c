"""Robustness: how much accuracy is left when what the recommender is told about users gets worse."""
