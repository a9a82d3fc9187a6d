"""Shares a scope over its devices: the only room with feedback."""
