"""Nearest-neighbour retrieval: which items are worth a look, without scores of the whole catalogue."""
