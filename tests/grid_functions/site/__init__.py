"""Tests of the site functions."""
