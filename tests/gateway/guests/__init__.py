"""Mirrors gateway/guests."""
