"""When reports are due, and what they say."""
