"""Brings a SQLite file to its present schema with alembic, in one transaction, before the writer opens it."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from gateway.store.writer import unavailable
from grid_functions.model.errors import LedgerUnavailable


def upgrade(path: Path, book: str, *, busy_s: float = 2.0) -> None:
    """Create or migrate the file at ``path`` with the versions of the package ``book``.

    Raises LedgerUnavailable when it is locked, full, no file of ours, or of a newer version than this program.
    """
    config = Config()
    config.set_main_option("script_location", str(files("gateway.store") / "environment"))
    config.set_main_option("version_locations", str(files(book) / "versions"))
    config.set_main_option("path_separator", "newline")
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"timeout": busy_s})
    event.listen(engine, "connect", _by_hand)
    event.listen(engine, "begin", _begin)
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as fault:
        raise LedgerUnavailable(
            f"{path} was written by a newer version", "run that version again, or move the file aside"
        ) from fault
    except DatabaseError as fault:
        raise unavailable(path, fault.orig) from fault
    finally:
        engine.dispose()


def _by_hand(connection: Any, _: object) -> None:
    # sqlite3 begins no transaction for DDL by itself: a kill between two tables would leave a file that never migrates again.
    connection.isolation_level = None


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
