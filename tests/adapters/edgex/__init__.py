"""The way over EdgeX."""
