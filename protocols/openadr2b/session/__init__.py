"""The VEN as a pure machine."""
