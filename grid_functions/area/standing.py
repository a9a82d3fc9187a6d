"""What an area function wants its members to hold, compared with what it granted before in this run."""

from collections.abc import Iterable, Mapping

from grid_functions.model.lease import Grant

Standing = Mapping[tuple[str, str], Grant]
"""By member and subject. Never durable: a coordinator that is born anew is granted everything anew."""


def changes(standing: Standing, wanted: Iterable[Grant]) -> tuple[Standing, tuple[Grant, ...]]:
    """What stands from now on, and the grants that make it so: those that differ, and an empty one for each that is wanted no more."""
    after = {(one.member, one.subject): one for one in wanted if not one.nothing}
    ended = [Grant(member, subject) for member, subject in standing if (member, subject) not in after]
    return after, (*ended, *(one for key, one in after.items() if standing.get(key) != one))
