"""Reports a person reads: one self-contained page, and the figures on it."""
