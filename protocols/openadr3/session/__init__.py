"""The VEN as one pure machine."""
