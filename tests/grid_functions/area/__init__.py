"""Area functions."""
