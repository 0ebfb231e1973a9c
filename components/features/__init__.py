"""Features: numbers about items, users and pairs of them, as of one cut-off time."""
