"""One file a change of the log's schema."""
