"""Where a device is reached, as the configuration says it: ``tcp://``, ``tls://``, ``rtu+tcp://`` or ``serial://``; pure."""

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeVar
from urllib.parse import parse_qsl

from grid_functions.model.errors import OperatorFault

Way = Literal["tcp", "tls", "rtu+tcp", "serial"]
Parity = Literal["N", "E", "O"]

EXAMPLES: Final = (
    "tcp://192.168.1.20:502, tls://192.168.1.20:802, rtu+tcp://192.168.1.30:4001 or "
    "serial:///dev/ttyUSB0?baud=19200&parity=E"
)
SECURE_PORT: Final = 802
"""Modbus/TCP Security."""

_NETWORK: Final = re.compile(
    r"(?P<way>tcp|tls|rtu\+tcp)://(?P<host>[^\s:/?#]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?"
)
_SERIAL: Final = re.compile(r"serial://(?P<port>/[^\s?#]+)(?:\?(?P<query>[^\s#]*))?")
_BAUDS: Final = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
_SILENT: Final = {"tcp": 502, "tls": SECURE_PORT}
_Word = TypeVar("_Word", bound=str)
_WAYS: Final[tuple[Way, ...]] = ("tcp", "tls", "rtu+tcp", "serial")
_PARITIES: Final[tuple[Parity, ...]] = ("N", "E", "O")


@dataclass(frozen=True, slots=True)
class Address:
    """One socket or serial line. ``host`` and ``port`` of a socket; ``device``, ``baud``, ``parity``, ``stop`` (1 or 2) of a line of
    eight data bits; ``echo``: the line repeats what is sent on it.
    """

    way: Way
    host: str = ""
    port: int = 0
    device: str = ""
    baud: int = 19200
    parity: Parity = "E"
    stop: int = 1
    echo: bool = False

    def __str__(self) -> str:
        if self.way != "serial":
            return f"{self.way}://{self.host}:{self.port}"
        echo = "&echo=1" if self.echo else ""
        return f"serial://{self.device}?baud={self.baud}&parity={self.parity}&stop={self.stop}{echo}"

    @property
    def is_bus(self) -> bool:
        """Whether frames on it are RTU: several devices on one line, one conversation at a time, no numbers."""
        return self.way in ("rtu+tcp", "serial")

    @property
    def bits(self) -> int:
        """Bits of one character on the line: start, eight of data, parity, stop."""
        return 9 + (self.parity != "N") + self.stop


def parse_address(text: str) -> Address:
    """The address that a configuration names. Raises OperatorFault that shows how to write one.

    A port may be left out for ``tcp`` (502) and ``tls`` (802). A line is 19200 baud, even parity, one stop bit where nothing is said
    (Modbus over Serial Line 1.02, clause 2.5.1); without parity two stop bits are its default.
    """
    if (match := _NETWORK.fullmatch(text)) is not None:
        way = _one_of(text, "way", match["way"], _WAYS)
        port = int(match["port"]) if match["port"] else _SILENT.get(way, 0)
        if not 0 < port < 65536:
            raise OperatorFault(f"{text}: port {port or 'missing, it'} is not in 1..65535", f"write {EXAMPLES}")
        return Address(way, match["host"], port)
    if (match := _SERIAL.fullmatch(text)) is None:
        raise OperatorFault(f"{text!r} is no address of a device", f"write {EXAMPLES}")
    said = dict(parse_qsl(match["query"] or "", keep_blank_values=True))
    if strangers := sorted(said.keys() - {"baud", "parity", "stop", "echo"}):
        raise OperatorFault(f"{text}: unknown {', '.join(strangers)}", "known are baud, parity, stop and echo")
    parity = _one_of(text, "parity", said.get("parity", "E").upper(), _PARITIES)
    stop = _one_of(text, "stop", said.get("stop", "2" if parity == "N" else "1"), ("1", "2"))
    baud = _one_of(text, "baud", said.get("baud", "19200"), tuple(map(str, _BAUDS)))
    echo = _one_of(text, "echo", said.get("echo", "0"), ("0", "1"))
    return Address("serial", device=match["port"], baud=int(baud), parity=parity, stop=int(stop), echo=echo == "1")


def _one_of(text: str, what: str, said: str, choices: tuple[_Word, ...]) -> _Word:
    for choice in choices:
        if choice == said:
            return choice
    raise OperatorFault(f"{text}: {what} {said!r} is none of {', '.join(choices)}", f"write {EXAMPLES}")
