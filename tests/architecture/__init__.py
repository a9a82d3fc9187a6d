"""Holds the house up: reads the sources and refuses what ARCHITECTURE.md rules out."""
