"""The central system for chargers."""
