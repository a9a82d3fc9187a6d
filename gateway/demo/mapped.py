"""The registers of a charger as a third party's client reads them: pymodbus, at the numbers in the maker's document.

Its watchdog listens to one register that only its master writes, so that reading along feeds nothing.
"""

import asyncio
import logging
import time
from threading import Lock
from typing import Any, Final

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException

from gateway.demo.registers import Address, Register

_HOLDING: Final = {"limit_a": (5004, 1.0), "failsafe_a": (2000, 1.0), "failsafe_s": (2002, 1.0)}
_INPUT: Final = {
    "charging": (1001, 1.0),
    "cable": (1004, 1.0),
    "current_1_a": (1008, 0.001),
    "current_2_a": (1010, 0.001),
    "current_3_a": (1012, 0.001),
}
_TIMEOUT_S: Final = 1.0


class ChargerWitness:
    """One blocking client, used from one thread at a time."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._turn = Lock()
        # That a silent charger does not answer is what is to be shown, and no news.
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
        self._client: Any = ModbusTcpClient(address.host, port=address.port, timeout=_TIMEOUT_S, retries=0)

    async def read(self) -> list[Register]:
        """What it shows now; nothing while it does not answer."""
        return await asyncio.to_thread(self._in_turn)

    async def close(self) -> None:
        """Let go of the connection."""
        await asyncio.to_thread(self._client.close)

    def _in_turn(self) -> list[Register]:
        with self._turn:
            return self._read()

    def _read(self) -> list[Register]:
        now_s, found = time.time(), []
        try:
            self._client.connect()
            for reading, points in (
                (self._client.read_holding_registers, _HOLDING),
                (self._client.read_input_registers, _INPUT),
            ):
                for point, (address, scale) in points.items():
                    told = reading(address, count=1, device_id=self._address.unit)
                    if told.isError():
                        return []
                    found.append(Register(now_s, self._address.device, 0, point, told.registers[0] * scale))
        except (ModbusException, OSError):
            # What it answers late belongs to no later question.
            self._client.close()
            return []
        return found
