"""One file per protocol: from what the file says of an upstream to its session."""
