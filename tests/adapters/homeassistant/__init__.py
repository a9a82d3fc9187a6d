"""The way over Home Assistant."""
