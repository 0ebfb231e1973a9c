"""Who may move the champion, and what is remembered of it: checks, compare-and-set, and a hash-chained history."""
