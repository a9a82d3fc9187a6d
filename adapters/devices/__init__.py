"""One file per device family: pure decode and encode."""
