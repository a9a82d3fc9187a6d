"""Tests of the SQLite files below both books."""
