"""Devices behind somebody else's server."""
