"""What must survive: the entries a step returns and the ledger keeps."""

from dataclasses import dataclass

EntryKey = tuple[str, ...]
"""The place of an entry in its site's stream: its room first, then its own key."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One durable change of a site's stream. ``value``: a frozen dataclass of plain values and model nouns; None forgets the key."""

    key: EntryKey
    value: object | None
