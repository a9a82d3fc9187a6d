"""Mirrors gateway/api/osed."""
