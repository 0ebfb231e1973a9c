"""Evaluation: full-catalogue ranking of the target window, with intervals, and the gate that decides."""
