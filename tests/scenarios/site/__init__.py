"""A site under control for a day."""
