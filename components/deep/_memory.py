"""What training a network takes: its weights several times over, the start, and the largest arrays of a step."""

from __future__ import annotations

from components.core.memory import DOUBLE, FLOAT, Part

COPIES = 6  # of a weight: itself, its gradient, Adam's two moments, the start, the best epoch's
AT_ONCE = 3  # arrays of the size of a step's logits: themselves, their exponentials, their gradient


def weights(parameters: float, remedy: str) -> Part:
    """Of a network with so many parameters, under training."""
    return Part(FLOAT * COPIES * parameters, remedy)


def start(users: int, items: int, size: int, remedy: str) -> Part:
    """Of the singular vectors that the embeddings start from (`_start.start_embeddings`), in double precision."""
    smaller = min(users, items)
    return Part(DOUBLE * ((2.0 * size + 1) * smaller + 2.0 * size * (users + items)), remedy)


def step(cells: float, remedy: str) -> Part:
    """Of arrays with so many cells that a step makes, one after the other kept for the gradient."""
    return Part(FLOAT * AT_ONCE * cells, remedy)
