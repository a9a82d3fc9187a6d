"""Alembic's entry: runs the versions over the connection handed in by :func:`gateway.store.migrate.upgrade`."""

from alembic import context
from sqlalchemy import Connection

connection = context.config.attributes["connection"]
if not isinstance(connection, Connection):
    raise TypeError("migrations run over the connection that gateway.store.migrate hands in")
context.configure(connection=connection)
with context.begin_transaction():
    context.run_migrations()
