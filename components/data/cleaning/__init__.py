"""Cleaners, one file each, named by their files; components/data/policy.py declares their order."""
