"""The one directory a service loads: assembled from a run's parts, sealed, and verified before it answers."""
