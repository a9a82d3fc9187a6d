"""A heater behind a Modbus link as it runs: it wears the Device port. Awaits."""

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog

from adapters.budget import budget_key, encode_budget, resumed
from adapters.family import Conversation
from adapters.heaters.unit import HeaterSettings, Unit
from adapters.knobs.gadget import Gadget, Note, Wait
from adapters.modbus.frames import Refusal, Reply, Write, Written
from adapters.modbus.link import Link
from adapters.pace import left_s
from adapters.registers.spans import Heard, read
from adapters.waiting import pause
from grid_functions.model.errors import DeviceFault, LedgerUnavailable, Unreachable
from grid_functions.model.ports import Clock, Memory

Done = Callable[[str], None]
_READ_BACK_S: Final = 1.0
_log = structlog.get_logger("heaters")


class HeaterGadget(Gadget[Unit]):
    """One heater. It is polled each ``poll_s`` seconds, ``phase_s`` after their multiples (None: whenever the last is so old), and
    sooner while it is to show what it was told.
    """

    def __init__(
        self,
        settings: HeaterSettings,
        link: Link,
        memory: Memory,
        clock: Clock,
        note: Note,
        wait: Wait = pause,
        *,
        poll_s: float = 1.0,
        phase_s: float | None = None,
    ) -> None:
        super().__init__(
            settings.name,
            f"heaters/{settings.family}",
            lambda keeping: Unit(settings, keeping),
            None,
            memory,
            clock,
            note,
            wait,
        )
        self._settings, self._link = settings, link
        self._poll_s, self._phase_s = poll_s, phase_s
        self._read_back_s = max(_READ_BACK_S, settings.settle_s / 10)
        self._connection = -1
        self._heard = Heard(self.thing.polled)
        self._looked_s = self._due_s = -math.inf
        self._online = True
        self._call: tuple[Write, Done] | None = None

    @property
    def _rest_s(self) -> float:
        left = max(self._due_s - self._clock.now().mono_s, 0.0)
        return min(left, self.look_s) if self.thing.owes else left

    async def _turn(self) -> None:
        """Look, say, and look what came of it."""
        now_s = self._clock.now().mono_s
        # What is to be set is looked at just before: somebody may have set it since the last poll.
        hurried = self.thing.owes and now_s - self._looked_s >= _READ_BACK_S
        if hurried or now_s >= self._due_s - self._poll_s / 100:
            await self._look()
        await super()._turn()
        call, self._call = self._call, None
        if call is not None:
            await self._write(*call)
            await self._look()

    def _send(self, call: Write, done: Done) -> bool:
        self._call = call, done
        return True

    async def _look(self) -> None:
        self._looked_s = started_s = self._clock.now().mono_s
        try:
            if self._link.connected and self._link.connections == self._connection:
                await self._poll()
            else:
                await self._meet()
            if self.thing.doubts and self._connection == self._link.connections:
                await self._poll()
        except (Unreachable, DeviceFault) as fault:
            # It may come back as another one: it is looked at anew.
            self._connection = -1
            self.thing.silent(str(fault))
        self._tell()
        now_s, barred_s = self._clock.now().mono_s, self._link.barred_s
        # Nobody can be asked before the link may try again.
        left = left_s(started_s, now_s + barred_s, self._poll_s, self._phase_s)
        self._due_s = now_s + barred_s + (min(left, self._read_back_s) if self.thing.awaits else left)

    async def _poll(self) -> None:
        values = await self._link.converse(self._heard.again(self._settings.unit), on=self._connection)
        if values is None:
            raise Unreachable(f"{self._link.name}: unit {self._settings.unit} did not answer a poll")
        self.thing.took(values, self._clock.now())

    async def _meet(self) -> None:
        """A new connection may reach another device: who it is comes before what it should do."""
        before = self._link.connections + (not self._link.connected)
        values = await self._link.converse(read(self._settings.unit, self.thing.first))
        if self._link.connections != before or not self._link.connected:
            raise Unreachable(f"{self._link.name}: connection lost while looking who is there")
        if not self.thing.met(values, self._clock.now()):
            return
        self._connection = self._link.connections
        self.thing.budget = resumed(self.thing.budget, self._memory.get(budget_key(self.name, self.thing.plate)))
        if self.thing.wrong:
            _log.error("not the device that was pinned; it is only read", device=self.name, why=self.thing.wrong)

    async def _write(self, call: Write, done: Done) -> None:
        try:
            reply = await self._link.converse(_asked(call), on=self._connection)
        except (Unreachable, DeviceFault) as fault:
            done(str(fault))
            return
        if not isinstance(reply, Refusal):
            # A write without an answer may have arrived: it counts, and the next look tells.
            self.thing.wrote(call, self._clock.now())
            await self._keep_spent()
        done("" if isinstance(reply, Written) else "no answer" if reply is None else str(reply))

    async def _keep_spent(self) -> None:
        if self.thing.budget.spent:
            # A count that is lost costs the device a few writes more.
            with suppress(LedgerUnavailable):
                await self._memory.put(budget_key(self.name, self.thing.plate), *encode_budget(self.thing.budget))

    def _tell(self) -> None:
        before, self._online = self._online, not self.thing.why
        if before and not self._online:
            _log.warning("device silent", device=self.name, why=self.thing.why)


def _asked(call: Write) -> Conversation[Reply | None]:
    return (yield call)
