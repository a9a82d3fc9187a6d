"""What no sound peer would send."""
