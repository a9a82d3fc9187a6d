"""Decisions recorded and made again."""
