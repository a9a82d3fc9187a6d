"""Bytes in, objects out, and back."""
