"""One file per site function."""
