"""One link's units and what they say to a frame, at the site's present instant. Pure, but for the clock it is handed."""

from collections.abc import Mapping
from dataclasses import dataclass
from struct import pack
from typing import Protocol

from adapters.modbus.frames import Frame, Read, Refusal, Registers, Reply, Request, Written, decode_request
from adapters.simulator import registers, wire
from adapters.simulator.quirks import Quirks
from adapters.simulator.recording import Recorder
from adapters.simulator.site import Row, Site, write

_ABSENT = 0x0B


class Owner(Protocol):
    """Who holds the site."""

    recorder: Recorder

    @property
    def site(self) -> Site:
        """The site now."""

    def become(self, site: Site) -> None:
        """The site after a write."""


@dataclass(frozen=True, slots=True)
class Answers:
    """`units`: the device by unit id. Behind any other nobody answers: 0x0B, as a gateway in front of a bus says."""

    owner: Owner
    units: Mapping[int, str]

    def quirks(self, unit: int) -> Quirks | None:
        """How the device behind a unit misbehaves now; None: there is none."""
        name = self.units.get(unit)
        return None if name is None else self.owner.site.quirks(name)

    @property
    def t_s(self) -> float:
        """The site's present second."""
        return self.owner.site.t_s

    def muted(self, unit: int) -> bool:
        """Whether the device behind a unit answers nothing until it is let go."""
        quirks = self.quirks(unit)
        return quirks is not None and quirks.mute

    @property
    def one_session(self) -> bool:
        """Whether the link takes a single connection."""
        return any(self.owner.site.quirks(name).one_session for name in self.units.values())

    def answer(self, frame: Frame, answered_s: float) -> tuple[wire.Chunk, ...]:
        """What goes out; nothing where the request is lost."""
        name = self.units.get(frame.unit)
        if name is None:
            return wire.sent(frame, Refusal(_ABSENT), _HONEST)
        site = self.owner.site
        if name in site.twins:
            return () if site.twins[name].mute else wire.sent(frame, self._told(name, frame), _HONEST)
        quirks = site.quirks(name)
        asleep = quirks.night == "gone" and site.dark(name)
        if asleep or wire.lost(quirks, wire.Told(site.t_s, site.since[name], answered_s)):
            return ()
        request = decode_request(frame)
        if isinstance(request, Refusal):
            return wire.sent(frame, request, quirks)
        return wire.sent(
            frame, wire.refused(request, quirks, site.image(name)) or self._carried_out(name, request), quirks
        )

    def _told(self, name: str, frame: Frame) -> Reply:
        """What a twin answers."""
        request = decode_request(frame)
        if isinstance(request, Refusal):
            return request
        before = self.owner.site
        site, reply = before.asked(name, request)
        self.owner.become(site)
        if isinstance(reply, Written):
            told = site.twins[name].told_since(before.twins[name])
            self.owner.recorder.applied(tuple(Row(site.t_s, name, 0, point, value) for point, value in told.items()))
        return reply

    def _carried_out(self, name: str, request: Request) -> Reply:
        site = self.owner.site
        if isinstance(request, Read):
            held, at = site.registers(name), request.address - registers.BASE
            if request.function != 3:
                return Refusal(1)
            if not 0 <= at <= len(held) - request.count:
                return Refusal(2)
            return Registers(pack(f">{request.count}H", *held[at : at + request.count]))
        outcome = write(site, name, request.address, list(request.values))
        if isinstance(outcome, registers.Refusal):
            return Refusal(outcome)
        self.owner.become(outcome[0])
        self.owner.recorder.applied(outcome[1])
        return Written()


_HONEST = Quirks()
