"""From SQLAlchemy Core to the text that sqlite3 runs.

The writer runs compiled text over the standard library's sqlite3: an ORM or async layer costs tens of times more per row.
"""

from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import ClauseElement


def text_of(statement: ClauseElement) -> str:
    """The SQL text of a statement, with named parameters."""
    return str(statement.compile(dialect=sqlite.dialect(paramstyle="named")))
