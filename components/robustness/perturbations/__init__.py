"""Ways in which histories get worse; each file is one, registered by its name."""
