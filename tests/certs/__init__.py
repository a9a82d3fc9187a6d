"""Mirrors certs/."""
