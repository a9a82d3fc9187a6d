"""Our speed beside that of our peers; `python -m benchmarks` runs every module here that has `run`."""
