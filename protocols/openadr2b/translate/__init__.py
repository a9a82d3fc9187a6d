"""Wire <-> model, the whole mapping."""
