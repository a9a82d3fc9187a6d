"""Tables and statements of the ledger, written once with SQLAlchemy Core."""

from sqlalchemy import Column, Float, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.sql import bindparam, delete, select

from gateway.store.statement import text_of

METADATA = MetaData()

ENTRY = Table(
    "entry",
    METADATA,
    Column("stream", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("utc_s", Float, nullable=False),
)
"""One durable value of a site's stream; ``key`` is a JSON array, ``body`` canonical JSON of the kind's fields."""

MEMORY = Table(
    "memory",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("utc_s", Float, nullable=False),
)
"""Versioned bytes of sessions and drivers (the Memory port)."""


def _upsert(table: Table, *identity: str) -> str:
    statement = insert(table)
    rest = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in identity}
    return text_of(statement.on_conflict_do_update(index_elements=list(identity), set_=rest))


PUT_ENTRY = _upsert(ENTRY, "stream", "key")
FORGET_ENTRY = text_of(delete(ENTRY).where(ENTRY.c.stream == bindparam("stream"), ENTRY.c.key == bindparam("key")))
FORGET_STREAM = text_of(delete(ENTRY).where(ENTRY.c.stream == bindparam("stream")))
READ_STREAM = text_of(
    select(ENTRY.c.key, ENTRY.c.kind, ENTRY.c.version, ENTRY.c.body)
    .where(ENTRY.c.stream == bindparam("stream"))
    .order_by(ENTRY.c.key)
)
READ_STREAMS = text_of(select(ENTRY.c.stream).distinct().order_by(ENTRY.c.stream))
PUT_MEMORY = _upsert(MEMORY, "key")
READ_MEMORY = text_of(select(MEMORY.c.key, MEMORY.c.version, MEMORY.c.body))
