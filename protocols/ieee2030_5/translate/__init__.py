"""2030.5 wire <-> model, the whole mapping. Pure; nothing of 2030.5 leaks above it."""
