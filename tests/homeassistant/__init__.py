"""A gateway in front of a real Home Assistant."""
