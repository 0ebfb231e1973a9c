"""Quality: expectation suites on whole tables, quarantine, the data report, drift. Only room that imports GX."""
