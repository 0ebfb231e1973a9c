"""Forgetting a person: found wherever the project keeps rows or traces, removed, and what stays is listed."""
