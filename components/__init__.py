"""shoploop's components: plain functions and small classes; see docs/architecture.md for the rooms."""
