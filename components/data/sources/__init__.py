"""Sources: one file maps one shop's tables to the canonical ones (contract: components/data/source.py)."""
