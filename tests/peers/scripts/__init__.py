"""What runs in an environment of a peer's own, as a process."""
