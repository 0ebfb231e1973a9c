"""Benchmark: any data, any list of models, one declared protocol, figures that anyone can recompute; and tuning."""
