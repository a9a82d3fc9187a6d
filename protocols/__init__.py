"""Faces up: the standards that upstreams speak."""
