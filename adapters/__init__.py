"""Faces down: the devices of a site."""
