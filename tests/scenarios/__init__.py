"""Situations as data."""
