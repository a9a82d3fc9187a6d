"""Buildings against closed forms."""
