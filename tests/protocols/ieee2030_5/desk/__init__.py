"""Mirrors protocols/ieee2030_5/desk/."""
