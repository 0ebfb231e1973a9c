"""Experiments: who gets which variant, whether the split can be trusted, and what the difference is."""
