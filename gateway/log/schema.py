"""The tables and statements of the log."""

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.sql import bindparam, delete, func, literal_column, select

from gateway.store.statement import text_of

METADATA = MetaData()

RECORD = Table(
    "record",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("utc_s", Float, nullable=False, index=True),
    Column("site", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("correlation", Text, nullable=False, index=True),
    Column("body", LargeBinary, nullable=False),
)
"""One thing that was read, decided or written; ``correlation`` follows an event from its read to its Response."""

STEP = Table(
    "step",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("utc_s", Float, nullable=False, index=True),
    Column("site", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_step_site", "site", "id"),
)
"""Decisions with all that they were made from, to be made again."""

NEWEST, NEWEST_STEP = (
    text_of(select(table.c.utc_s).order_by(table.c.id.desc()).limit(literal_column("1")).offset(literal_column("0")))
    for table in (RECORD, STEP)
)
"""When the last row was noted."""

ADD = text_of(
    insert(RECORD).values({name: bindparam(name) for name in ("utc_s", "site", "kind", "correlation", "body")})
)
CUT_OLD = text_of(delete(RECORD).where(RECORD.c.utc_s < bindparam("before_s")))
CUT_LONG = text_of(
    delete(RECORD).where(
        RECORD.c.id <= select(func.max(RECORD.c.id)).scalar_subquery() - bindparam("rows", type_=Integer)
    )
)
LATEST = text_of(
    select(RECORD.c.utc_s, RECORD.c.site, RECORD.c.kind, RECORD.c.correlation, RECORD.c.body)
    .where(RECORD.c.correlation.like(bindparam("correlation")), RECORD.c.site.like(bindparam("site")))
    .order_by(RECORD.c.id.desc())
    .limit(bindparam("rows", type_=Integer))
    .offset(literal_column("0"))  # spelled out, or SQLAlchemy binds it under a name of its own
)
ADD_STEP = text_of(insert(STEP).values({name: bindparam(name) for name in ("utc_s", "site", "kind", "body")}))
CUT_STEPS = text_of(delete(STEP).where(STEP.c.utc_s < bindparam("before_s")))
STEPS = text_of(
    select(STEP.c.utc_s, STEP.c.kind, STEP.c.body).where(STEP.c.site == bindparam("site")).order_by(STEP.c.id)
)
STEP_SITES = text_of(select(STEP.c.site).distinct().order_by(STEP.c.site))
