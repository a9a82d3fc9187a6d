"""Tests of adapters/heaters."""
