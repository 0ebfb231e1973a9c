"""The only room that imports MLflow: runs, and the registry of releases."""
