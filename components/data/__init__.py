"""Data: the engine (Ibis on DuckDB), sources, the pin on the bytes, cleaning by declared cleaners."""
