"""How commands speak: a table or plain lines for people, one JSON document for programs, errors in one line."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from gateway.lines import harmless

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


class _People(Console):
    """What devices and upstreams say is shown as it is: no markup is read in it, it steers no terminal, and no line is broken for a
    reader that is none.
    """

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(harmless(text, lines=True), **how)


people = _People(
    stderr=False, highlight=False, markup=False, emoji=False, soft_wrap=sys.stdout is None or not sys.stdout.isatty()
)
aside = _People(stderr=True, highlight=False)


def document(value: Any) -> None:
    """One JSON document on stdout."""
    json.dump(value, sys.stdout, indent=2, default=str, sort_keys=False)
    sys.stdout.write("\n")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], nothing: str = "nothing") -> None:
    """A table on a terminal, aligned plain lines elsewhere; ``nothing`` is said when there are no rows."""
    lines = [["" if cell is None else harmless(str(cell)) for cell in row] for row in rows]
    if not lines:
        people.print(f"{title}: {nothing}" if title else nothing)
        return
    if people.is_terminal:
        drawn = Table(title=title or None, title_justify="left")
        for column in columns:
            drawn.add_column(column)
        for line in lines:
            drawn.add_row(*line)
        people.print(drawn)
        return
    widths = [max(len(row[at]) for row in [list(columns), *lines]) for at in range(len(columns))]
    if title:
        print(title)
    for row in [list(columns), *lines]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@contextmanager
def progress(text: str) -> Iterator[None]:
    """A spinner with the time elapsed, on stderr, while something takes long; nothing when stderr is no terminal."""
    if not aside.is_terminal:
        yield
        return
    with Progress(SpinnerColumn(), TextColumn(text), TimeElapsedColumn(), console=aside, transient=True) as bar:
        bar.add_task(text, total=None)
        yield
