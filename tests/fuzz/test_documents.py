"""Mutated 2030.5 documents: refused by name or read, never a crash; what is refused unseats no limit, and the session recovers."""

from random import Random
from typing import Any

import pytest

from protocols.ieee2030_5.session.exchange import Method, Request
from protocols.ieee2030_5.wire.der import DERControlList, DERProgramList
from protocols.ieee2030_5.wire.namespaces import CSIP_AUS
from protocols.ieee2030_5.wire.reader import MalformedBody, decode
from protocols.ieee2030_5.wire.resources import EndDeviceList
from protocols.ieee2030_5.wire.writer import encode
from tests.fuzz.mangling import mangled
from tests.protocols.ieee2030_5.session.rig import control, default, end_device, program
from tests.protocols.ieee2030_5.test_procedures import Site

LIMIT_W, DEFAULT_W = 1500, 5000


class Hostile(Site):
    """A server of which the wire makes something else. ``only_refused``: only what cannot be read at all; else whatever comes."""

    def __init__(self, random: Random, *, only_refused: bool) -> None:
        self.random, self.only_refused, self.share, self.sent_wrong = random, only_refused, 0.0, 0
        super().__init__()

    def recovers(self) -> bool:
        """Whether, once the wire is sound again, everything is read anew: within an hour, the slowest poll of an unknown rate."""
        self.share, before = 0.0, len(self.rig.reads)
        self.pass_s(3600)
        return any(read.complete for read in self.rig.reads[before:])

    def _answer(self, request: Request) -> tuple[int, bytes]:
        status, body = super()._answer(request)
        if request.method is not Method.GET or not body or self.random.random() >= self.share:
            return status, body
        wrong = mangled(body, self.random)
        while self.only_refused and _reads(wrong):
            wrong = mangled(wrong, self.random)
        self.sent_wrong += 1
        return status, wrong


def _reads(body: bytes) -> bool:
    try:
        decode(body)
    except MalformedBody:
        return False
    return True


def limited(random: Random, *, only_refused: bool) -> Hostile:
    """A limit of 1500 W that has begun, over a default of 5000 W, and polls every 10 s."""
    site = Hostile(random, only_refused=only_refused)
    site.talk.done("PATCH", "/settings", {"derp_poll_s": 10, "fsa_poll_s": 10, "edev_poll_s": 10, "dcap_poll_s": 10})
    site.default(DEFAULT_W)
    site.control(LIMIT_W, 10, 80_000)
    site.pass_s(60)
    assert site.limits_w[-1] == LIMIT_W
    return site


def unseats_nothing(seed: int, documents: int) -> None:
    """Wrong documents among sound ones, on every path: the limit stands throughout."""
    site = limited(Random(seed), only_refused=True)  # noqa: S311  # a test, no secret
    before = len(site.holds)
    site.share = 0.7
    while site.sent_wrong < documents:
        site.pass_s(30)
    assert {_limit(one) for _, one in site.holds[before:]} == {LIMIT_W}
    assert site.recovers()
    assert site.limits_w[-1] == LIMIT_W


def harms_nobody(seed: int, documents: int) -> None:
    """Whatever can still be read of it may be obeyed; nothing raises, and what is in force stays a limit of somebody's."""
    site = limited(Random(seed), only_refused=False)  # noqa: S311  # a test, no secret
    site.share = 0.7
    while site.sent_wrong < documents:
        site.pass_s(30)
    assert site.recovers()


def _limit(controls: tuple[Any, ...]) -> float:
    return min((one.limit_w for one in controls), default=float("inf"))


BODIES = [
    one.encode()
    for one in (
        '<DeviceCapability xmlns="urn:ieee:std:2030.5:ns" pollRate="300"><TimeLink href="/tm"/></DeviceCapability>',
        '<Time xmlns="urn:ieee:std:2030.5:ns"><currentTime>1795435200</currentTime><dstEndTime>0</dstEndTime><dstOffset>0</dstOffset>'
        "<dstStartTime>0</dstStartTime><quality>4</quality><tzOffset>0</tzOffset></Time>",
    )
]


def every_body() -> list[bytes]:
    """Sound documents of many kinds, as the client meets them."""
    controls = tuple(control(number, start=1_795_000_000 + 60 * number, watts=100 * number) for number in range(5))
    messages: list[Any] = [
        DERControlList(all=5, results=5, items=controls),
        DERProgramList(all=2, results=2, items=(program(7), program(8, 2))),
        EndDeviceList(all=1, results=1, items=(end_device(),)),
        default(77, 5000, setGradW=27),
    ]
    return BODIES + [encode(message, dialect=CSIP_AUS) for message in messages]


def reads_or_refuses(seed: int, documents: int) -> None:
    """The reader itself: a message with its rejects, or MalformedBody, and nothing else."""
    random, sound = Random(seed), every_body()  # noqa: S311  # a test, no secret
    read = 0
    for _ in range(documents):
        read += _reads(mangled(random.choice(sound), random))
    assert 0 < read < documents


def test_mutated_documents_are_read_or_refused() -> None:
    reads_or_refuses(1, 2000)


def test_what_is_refused_unseats_no_limit() -> None:
    unseats_nothing(2, 60)


def test_what_can_still_be_read_harms_nobody() -> None:
    harms_nobody(3, 60)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100))
def test_a_hundred_thousand_mutated_documents_are_read_or_refused(seed: int) -> None:
    reads_or_refuses(1000 + seed, 1000)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_many_that_are_refused_unseat_no_limit(seed: int) -> None:
    unseats_nothing(2000 + seed, 500)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_many_that_can_still_be_read_harm_nobody(seed: int) -> None:
    harms_nobody(3000 + seed, 500)
