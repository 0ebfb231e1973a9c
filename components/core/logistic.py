"""Logistic regression on numpy arrays: few columns, many rows, weights of the rows."""

from __future__ import annotations

import numpy as np

STEPS = 25  # of Newton's method, which is there after six or so
LARGEST_LOGIT = 30.0


def chance(logits: np.ndarray) -> np.ndarray:
    """float64, shaped as logits: the probabilities that have these log odds."""
    return 1 / (1 + np.exp(-np.clip(logits, -LARGEST_LOGIT, LARGEST_LOGIT)))


def logistic(design: np.ndarray, outcome: np.ndarray, ridge: float, counts: np.ndarray | None = None) -> np.ndarray:
    """Ridge logistic regression by Newton's method; the first column is the constant and is not held back.

    design  float64 (rows, columns); outcome bool (rows,); counts float (rows,), how often a row counts, None: once
    """
    weights = np.zeros(design.shape[1])
    counts = np.ones(len(design)) if counts is None else counts.astype(np.float64)
    mean = np.average(outcome, weights=counts)
    weights[0] = np.log(mean / (1 - mean))
    penalty = np.full(len(weights), float(ridge))
    penalty[0] = 0
    loss = np.inf
    step = np.zeros_like(weights)
    for _ in range(STEPS):
        logits = design @ (weights + step)
        now = counts @ (np.logaddexp(0, logits) - logits * outcome) + 0.5 * penalty @ (weights + step) ** 2
        if now > loss:  # too far
            step /= 2
            continue
        weights = weights + step
        if loss - now < 1e-9 * abs(now):
            break
        loss = now
        now_likely = chance(logits)
        slope = design.T @ (counts * (outcome - now_likely)) - penalty * weights
        curvature = (design * (counts * now_likely * (1 - now_likely))[:, None]).T @ design + np.diag(penalty + 1e-9)
        step = np.linalg.solve(curvature, slope)
    return weights


def rising(design: np.ndarray, outcome: np.ndarray, ridge: float, counts: np.ndarray | None = None) -> np.ndarray:
    """As `logistic`, with no weight below zero: columns that would have one are left out, again and again.

    Not the exact optimum under that bound, but one that needs no solver and never depends on the order of columns.
    """
    kept = np.arange(design.shape[1])
    while True:
        weights = logistic(design[:, kept], outcome, ridge, counts)
        falls = (weights < 0) & (kept > 0)
        if not falls.any():
            out = np.zeros(design.shape[1])
            out[kept] = weights
            return out
        kept = kept[~falls]
