"""Device families."""
