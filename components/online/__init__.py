"""The online store, in SQLite, PostgreSQL or Redis: what users did since the release was made, what they were shown."""
