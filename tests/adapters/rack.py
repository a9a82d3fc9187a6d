"""A SunSpec device of any models, laid out by pysunspec2's definitions: in memory, or at a port over Modbus/TCP.

It holds what it is told. What it does by itself is what the models say: a curve is taken over when that is asked for (``adopts``:
at once, later, rejected, or not begun yet), and a revert timer starts where it is written. Habits are switches.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from struct import pack
from typing import Any, Literal, TypeVar

from sunspec2.device import get_model_def

from adapters.family import Conversation
from adapters.modbus.frames import (
    Deframer,
    Read,
    Refusal,
    Registers,
    Reply,
    Request,
    Write,
    Written,
    decode_request,
    encode_reply,
)

T = TypeVar("T")
Key = tuple[int, str]
BASE = 40000
COUNTS = {"NPt": 4, "NCrv": 3, "NCrvSet": 3, "NCtl": 3, "NPrt": 1, "N": 2, "curve": 2}
SIGNED = {"int16", "int32", "int64", "sunssf"}
BLANK = {"int16": 1 << 15, "sunssf": 1 << 15, "int32": 1 << 31, "int64": 1 << 63, "pad": 1 << 15}
ZERO = {"acc16", "acc32", "acc64", "string"}


@dataclass(frozen=True)
class Spot:
    """One point: offset from the base, registers, type, and whether it may be written."""

    offset: int
    size: int
    kind: str
    writable: bool


def spots(
    models: tuple[int, ...], counts: Mapping[str, int]
) -> tuple[dict[Key, Spot], dict[int, tuple[int, int]], int]:
    """Points, headers by offset, and the offset of the end."""
    found: dict[Key, Spot] = {}
    headers, at = {}, 2
    for model in models:
        start = at
        for name, point in named(get_model_def(model)["group"], counts):
            if name not in ("ID", "L"):
                found[model, name] = Spot(at, point["size"], point["type"], point.get("access") == "RW")
            at += point["size"]
        headers[start] = (model, at - start - 2)
    return found, headers, at


def named(group: Mapping[str, Any], counts: Mapping[str, int], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Points by path, groups repeated as often as counted."""
    for point in group.get("points", ()):
        yield prefix + point["name"], point
    for inner in group.get("groups", ()):
        count = inner.get("count")
        if count in (None, 1):
            yield from named(inner, counts, f"{prefix}{inner['name']}.")
            continue
        for k in range(counts[inner["name"] if count == 0 else count]):
            yield from named(inner, counts, f"{prefix}{inner['name']}[{k + 1}].")


@dataclass
class Rack:
    """``values``: raw, by (model, point); what is not given is not implemented, save count points.

    ``habit`` may answer a request out of the ordinary: a refusal, None for silence, True for "as usual". ``spans``: one read may cover
    several models. ``tail``: registers behind the end model. ``after_write``: what else happens then.
    """

    models: tuple[int, ...]
    values: dict[Key, int | str]
    counts: Mapping[str, int] = field(default_factory=lambda: COUNTS)
    adopts: Literal["at once", "later", "never", "not yet"] = "at once"
    habit: Callable[[Request], Reply | bool | None] = lambda request: True
    spans: bool = True
    tail: int = 0
    asked: list[Request] = field(default_factory=list)
    after_write: Callable[["Rack", Mapping[Key, int]], None] = lambda rack, points: None
    port: int = 0

    def __post_init__(self) -> None:
        self.spots, self.headers, self.end = spots(self.models, self.counts)
        told = {"NPt": 4, "NCrv": 3, "NCrvSet": 3, "NCtl": 3, "NPrt": 1, "N": 2, **self.counts}
        for model, name in self.spots:
            if name in ("NPt", "NCrv", "NCrvSet", "NCtl", "NPrt", "N") and (model, name) not in self.values:
                self.values[model, name] = told["curve"] if model < 200 and name == "NCrv" else told[name]
            if model < 200 and name == "NPt":
                self.values[model, name] = 20

    def raw(self, model: int, *points: str) -> tuple[int | str | None, ...]:
        """What these points hold."""
        return tuple(self.values.get((model, point)) for point in points)

    def writes(self) -> list[dict[Key, int]]:
        """Each write since ``asked`` was last cleared, as points."""
        return [self.split(request) for request in self.asked if isinstance(request, Write)]

    def names(self) -> list[str]:
        """The points of each write: ``model.a/b``."""
        return [f"{next(iter(w))[0]}.{'/'.join(name for _, name in w)}" for w in self.writes()]

    def carry_out(self, conversation: Conversation[T]) -> T:
        """The conversation's result; ``asked`` then holds its requests."""
        self.asked = []
        try:
            request = next(conversation)
            while True:
                request = conversation.send(self.answer(request))
        except StopIteration as end:
            result: T = end.value
            return result

    def answer(self, request: Request) -> Reply | None:
        self.asked.append(request)
        special = self.habit(request)
        if special is not True:
            return special if not isinstance(special, bool) else None
        if isinstance(request, Read):
            return self.read(request)
        points = self.split(request)
        if not points or any(not self.spots[key].writable for key in points):
            return Refusal(2)
        self.values |= points
        self.live(points)
        self.after_write(self, points)
        return Written()

    def read(self, request: Read) -> Reply:
        image = self.image()
        at = request.address - BASE
        if not 0 <= at <= len(image) - request.count:
            return Refusal(2)
        borders = [start for start in (*self.headers, self.end) if at < start < at + request.count]
        if borders and not self.spans:
            return Refusal(2)
        return Registers(pack(f">{request.count}H", *image[at : at + request.count]))

    def image(self) -> list[int]:
        """All registers."""
        registers = [0] * (self.end + 2 + self.tail)
        registers[0:2] = (0x5375, 0x6E53)
        registers[self.end] = 0xFFFF
        for at, header in self.headers.items():
            registers[at : at + 2] = header
        for key, spot in self.spots.items():
            registers[spot.offset : spot.offset + spot.size] = words(self.values.get(key), spot)
        return registers

    def split(self, request: Write) -> dict[Key, int]:
        """The points a write covers; empty when it tears one."""
        by_offset = {spot.offset: (key, spot) for key, spot in self.spots.items()}
        at, left, found = request.address - BASE, list(request.values), dict[Key, int]()
        while left:
            entry = by_offset.get(at)
            if entry is None or entry[1].size > len(left):
                return {}
            key, spot = entry
            data = b"".join(r.to_bytes(2, "big") for r in left[: spot.size])
            found[key] = int.from_bytes(data, "big", signed=spot.kind in SIGNED)
            left, at = left[spot.size :], at + spot.size
        return found

    def live(self, points: Mapping[Key, int]) -> None:
        """Adoption and timers."""
        for (model, name), value in points.items():
            if name in ("AdptCrvReq", "AdptCtlReq") and self.adopts != "not yet":
                self.values[model, f"{name[:-3]}Rslt"] = {"at once": 1, "later": 0, "never": 2}[self.adopts]
                if self.adopts == "at once":
                    self.take_over(model, value)
            if name.endswith("RvrtTms") and (model, f"{name[:-3]}Rem") in self.values:
                self.values[model, f"{name[:-3]}Rem"] = value

    def take_over(self, model: int, k: int) -> None:
        """Curve ``k`` becomes the one in force."""
        group = "Ctl" if model == 711 else "Crv"
        for m, name in list(self.spots):
            if m == model and name.startswith(f"{group}[1].") and not name.endswith("ReadOnly"):
                source = (model, name.replace("[1]", f"[{k}]", 1))
                if source in self.values:
                    self.values[m, name] = self.values[source]
        self.values[model, f"Adpt{group}Rslt"] = 1

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = Deframer()
        try:
            while data := await reader.read(1000):
                frames.feed(data)
                while (frame := frames.next_frame()) is not None:
                    request = decode_request(frame)
                    assert not isinstance(request, Refusal)
                    reply = self.answer(request)
                    if reply is not None:
                        writer.write(encode_reply(frame, reply))
        except ConnectionError:
            pass
        finally:
            writer.close()


def words(value: int | str | None, spot: Spot) -> list[int]:
    """A value's registers."""
    width = 2 * spot.size
    if isinstance(value, str):
        data = value.encode()[:width].ljust(width, b"\0")
    elif value is None:
        blank = 0 if spot.kind in ZERO else BLANK.get(spot.kind, (1 << 8 * width) - 1)
        data = blank.to_bytes(width, "big")
    else:
        data = value.to_bytes(width, "big", signed=spot.kind in SIGNED)
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, width, 2)]


@asynccontextmanager
async def served(rack: Rack) -> AsyncIterator[Rack]:
    """The rack at a port of the system's choice."""
    server = await asyncio.start_server(rack.serve, "127.0.0.1", 0)
    rack.port = server.sockets[0].getsockname()[1]
    try:
        yield rack
    finally:
        server.close()
        await server.wait_closed()


def points(model: int, **named_values: int) -> dict[Key, int | str]:
    """Raw values of one model; ``__`` in a name stands for a dot."""
    return {(model, name.replace("__", ".")): value for name, value in named_values.items()}


def filled(model: int, value: int = 0, counts: Mapping[str, int] = COUNTS) -> dict[Key, int | str]:
    """Every numeric point of a model at ``value``, scale factors included."""
    found, _, _ = spots((model,), counts)
    return {key: value for key, spot in found.items() if spot.kind not in ("string", "pad", "float32")}


def who(maker: str = "Maker", model: str = "Thing", serial: str = "S-1") -> dict[Key, int | str]:
    """Model 1."""
    return {(1, "Mn"): maker, (1, "Md"): model, (1, "Vr"): "1.0", (1, "SN"): serial, (1, "DA"): 1}


def new(maker: str = "Maker", **changes: Any) -> Rack:
    """All of the 700 series: 8 kW, 4 kvar, charging with 5 kW; four points, three curves, the first read-only."""
    models = (1, 701, 702, 703, 704, 705, 706, 707, 708, 709, 710, 711, 712, 713, 715)
    values = dict(who(maker))
    for model in models[1:]:
        values |= filled(model)
        values |= (
            {(model, "NPt"): 4, (model, "NCrv"): 3, (model, "NCrvSet"): 3, (model, "NCtl"): 3} if model >= 705 else {}
        )
    values |= points(701, ACType=2, St=1, InvSt=3, ConnSt=1, W=6000, Hz=50000, Hz_SF=-3, LNV=2300, V_SF=-1)
    values |= points(702, WMaxRtg=8000, WMax=8000, VarMaxInj=4000, VarMaxAbs=3000, WChaRteMax=5000, WChaRteMaxRtg=5000)
    values |= points(703, ES=1, V_SF=-1, Hz_SF=-3)
    values |= points(704, WMaxLimPct=10000, WMaxLimPctRvrt=10000, WMaxLimPct_SF=-2, WSetPct_SF=-1, VarSetPct_SF=-1)
    values |= points(704, PF_SF=-3, PFWInj__PF=1000, PFWAbs__PF=1000)
    for model in (705, 706, 712):
        values |= points(model, V_SF=-1, DeptRef_SF=-1, W_SF=-1, RspTms_SF=-1)
    for model in (707, 708, 709, 710):
        values |= points(model, V_SF=-1, Hz_SF=-3, Tms_SF=-2)
    values |= points(711, Db_SF=-3, K_SF=-3, RspTms_SF=-1)
    for model in range(705, 713):
        group = "Ctl" if model == 711 else "Crv"
        values[model, f"{group}[1].ReadOnly"] = 1
        values[model, f"Adpt{group}Rslt"] = 1
    values |= points(715, LocRemCtl=0, DERHb=5, ControllerHb=9, OpCtl=1)
    values |= points(713, SoC=55, WHRtg=10000, WHAvail=5500)
    known, _, _ = spots(models, COUNTS)
    return Rack(models, {key: value for key, value in values.items() if key in known}, **changes)


def old(maker: str = "Maker", **changes: Any) -> Rack:
    """All of the older models: 5 kW, 2.5 kvar, a battery of 4 kW; two curves each."""
    curves = (126, 129, 130, 131, 132, 134, 135, 136, 137, 138, 139, 140, 141, 142)
    models = (1, 103, 120, 121, 122, 123, 124, 127, *curves, 145)
    values = dict(who(maker))
    for model in models[1:]:
        values |= filled(model)
    values |= points(103, W=3000, Hz=5000, Hz_SF=-2, PhVphA=2300, V_SF=-1, St=4)
    values |= points(120, WRtg=5000, VArRtgQ1=2500, VArRtgQ4=-2500, MaxChaRte=4000, MaxDisChaRte=4000, PFRtgQ1=-80)
    values |= points(121, WMax=5000, VArMaxQ1=2500, VArMaxQ4=-2000, ECPNomHz=50, PFMinQ1=-80)
    values |= points(122, ECPConn=1)
    values |= points(123, Conn=1, WMaxLimPct=10000, WMaxLimPct_SF=-2, OutPFSet=-100, OutPFSet_SF=-2, VArPct_SF=-1)
    values |= points(124, WChaMax=4000, InWRte=1000, OutWRte=1000, InOutWRte_SF=-1, ChaState=60)
    values |= points(127, WGra=40, HzStr=20, HzStrStop_SF=-2)
    for model in curves:
        values |= points(model, ActCrv=1, NCrv=2, V_SF=-1, DeptRef_SF=-1, PF_SF=-2, Hz_SF=-2, Tms_SF=-2, W_SF=0)
    known, _, _ = spots(models, COUNTS)
    return Rack(models, {key: value for key, value in values.items() if key in known}, **changes)
