"""Whom an event means."""

import pytest

from protocols.openadr3.translate.addressing import Grants, meant
from protocols.openadr3.wire.objects import Target

SERVES = ("", "evse-1", "evse-2")
GRANTS = Grants(
    "depot-7",
    frozenset({Target("feeder-12"), Target("north", "GROUP")}),
    {"evse-1": frozenset({Target("fast"), Target("b", "GROUP")}), "evse-2": frozenset({Target("fast")})},
)
ALL = frozenset(SERVES)


@pytest.mark.parametrize(
    ("targets", "who"),
    [
        ((), ALL),
        ((Target("feeder-12"),), ALL),
        ((Target("fast"),), {"evse-1", "evse-2"}),
        ((Target("depot-7"),), ALL),
        ((Target("evse-2"),), {"evse-2"}),
        ((Target("elsewhere"),), set()),
        ((Target("elsewhere"), Target("evse-1")), {"evse-1"}),
        ((Target("depot-7", "VEN_NAME"),), ALL),
        ((Target("depot-8", "VEN_NAME"),), set()),
        ((Target("evse-1", "RESOURCE_NAME"),), {"evse-1"}),
        ((Target("evse-9", "RESOURCE_NAME"),), set()),
        ((Target("north", "GROUP"),), ALL),
        ((Target("b", "GROUP"),), {"evse-1"}),
        ((Target("south", "GROUP"),), set()),
        ((Target("feeder-12", "GROUP"),), set()),
        ((Target("", "RESOURCE_NAME"),), set()),
    ],
)
def test_targets_mean(targets: tuple[Target, ...], who: set[str]) -> None:
    assert meant(targets, SERVES, GRANTS) == who


def test_every_target_is_asked_for_once() -> None:
    assert GRANTS.all == (Target("fast"), Target("feeder-12"), Target("b", "GROUP"), Target("north", "GROUP"))
