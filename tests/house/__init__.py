"""What the clone promises as a whole: locks, wheel, set-up, benchmarks' runner."""
