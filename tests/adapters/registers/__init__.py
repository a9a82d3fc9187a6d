"""Registers as data."""
