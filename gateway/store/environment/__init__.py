"""Alembic's environment: runs the versions of one file over the connection handed in."""
