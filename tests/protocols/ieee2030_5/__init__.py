"""Tests of protocols.ieee2030_5."""
