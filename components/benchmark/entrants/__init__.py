"""What may enter a benchmark beside single models: one file each behind the port in benchmark/entrant.py."""
