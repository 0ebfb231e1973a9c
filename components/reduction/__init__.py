"""Reduction: from many columns to few, fitted on one fold's catalogue only."""
