"""Several opinions joined into one."""
