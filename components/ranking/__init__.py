"""Ranking: the union of the models' candidates, described by features, ordered by XGBoost."""
