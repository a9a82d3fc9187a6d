"""The driver against a device that is mute, refuses, lies, is somebody else, or obeys another master."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from adapters.devices.sunspec.family import SunSpec
from adapters.devices.sunspec.found import Found
from adapters.doubt import FIRST_S
from adapters.modbus.frames import Read, Refusal, Registers, Reply, Write
from adapters.obedience import MOST_NAMES
from adapters.settings import Pinned
from adapters.simulator.registers import BASE
from grid_functions.model.device import Capability, Seen, Trouble
from grid_functions.model.reading import Quality
from grid_functions.model.setpoint import Revert, Setpoint
from grid_functions.model.units import Quantity
from tests.adapters.rogue import Rogue, rogue
from tests.adapters.simulator.situations import Hand, address, header, raw
from tests.adapters.stage import UTC_S, Drawer, desk

NET = (Quantity.NET, None)


@pytest.fixture
def hand() -> Hand:
    return Hand(UTC_S)


@pytest.fixture
async def new(hand: Hand) -> AsyncIterator[Rogue]:
    """The 8 kW inverter of the 700 series."""
    async with rogue("new", hand) as it:
        yield it


def limit(watts: float, decision: int = 1, revert: Revert | None = None) -> Setpoint:
    return Setpoint("device", decision, produce_max_w=watts, revert=revert)


def decision(seen: Seen) -> int:
    assert seen.condition.holds is not None
    return seen.condition.holds.decision


@pytest.mark.parametrize("pinned", [Pinned(serial="D-2"), Pinned(maker="Other"), Pinned(model="DER 9000")])
async def test_another_device_than_pinned_is_only_read(new: Rogue, hand: Hand, pinned: Pinned) -> None:
    memory = Drawer()
    async with desk(new.port, hand, pinned=pinned, memory=memory) as it:
        it.driver.want(limit(3000))
        seen = await it.look()
        assert seen.condition.online
        assert seen.condition.troubles >= {Trouble.WRONG_DEVICE}
        assert "pinned" in seen.condition.text
        assert seen.condition.readings[NET].value == -8000.0
        assert (new.heard, memory.kept, decision(seen)) == ([], {}, 0)
        assert not await it.driver.release()


async def test_the_pinned_device_is_written(new: Rogue, hand: Hand) -> None:
    async with desk(new.port, hand, pinned=Pinned("OSED", "DER 8000", "D-1")) as it:
        it.driver.want(limit(3000))
        assert decision(await it.look()) == 1


async def test_who_it_is_is_checked_on_every_connection(new: Rogue, hand: Hand) -> None:
    async with desk(new.port, hand, pinned=Pinned(serial="D-1")) as it:
        it.driver.want(limit(3000))
        await it.look()
        heard = len(new.heard)
        new.become("old")
        it.driver.want(limit(2000))
        for _ in range(3):
            seen = await it.look(5)
        assert seen.condition.troubles >= {Trouble.WRONG_DEVICE}
        assert seen.nameplate.serial == "L-1"
        assert len(new.heard) == heard
        new.become("new")
        for _ in range(3):
            seen = await it.look(5)
        assert decision(seen) == 1
        assert raw(new.site, "new", 704, "WMaxLimPct") == 2500


async def test_a_connection_lost_during_a_write_is_not_followed_by_another_write(new: Rogue, hand: Hand) -> None:
    async with desk(new.port, hand) as it:

        def cutting(request: Read | Write) -> Reply | None:
            if isinstance(request, Write):
                new.become("old")
            return None

        new.reply = cutting
        it.driver.want(limit(3000, revert=Revert(60, 1000)))
        seen = await it.look()
        assert not seen.condition.online
        assert len(new.heard) == 1


async def test_no_write_over_a_connection_on_which_nobody_was_looked_at(new: Rogue, hand: Hand) -> None:
    """Another device takes the place between the look and the write, while the ledger is written."""
    memory = Drawer()
    async with desk(new.port, hand, memory=memory) as it:

        async def replaced() -> None:
            new.become("old")
            await it.link.until_lost()

        memory.before = replaced
        it.driver.want(limit(3000))
        assert not (await it.look()).condition.online
        assert new.heard == []


async def test_who_it_is_comes_from_one_connection(new: Rogue, hand: Hand) -> None:
    """Another device takes the place in the middle of the look at who is there."""
    async with desk(new.port, hand) as it:
        new.cut()
        reads = 0

        async def replacing(request: Read | Write) -> None:
            nonlocal reads
            reads += 1
            if reads == 3:
                new.become("old")
                await it.link.until_lost()

        await it.link.until_lost()
        it.link.before = replacing
        it.driver.want(limit(3000))
        seen = await it.look(5)
        assert reads > 3
        assert (seen.condition.online, new.heard) == (False, [])
        it.link.before = None
        assert (await it.look(5)).nameplate.serial == "L-1"


def refusing(address: int, code: int) -> Callable[[Read | Write], Reply | None]:
    """Whatever would read this register is refused."""
    return lambda request: (
        Refusal(code)
        if isinstance(request, Read) and request.address <= address < request.address + request.count
        else None
    )


@pytest.mark.parametrize("at", [header("new", 704), address("new", 704, "WMaxLimPct")])
@pytest.mark.parametrize("code", [4, 6])
async def test_what_a_device_did_not_tell_when_it_was_found_is_asked_again(
    new: Rogue, hand: Hand, code: int, at: int
) -> None:
    """One exception in the middle of the map left it without a limit for as long as the connection stood, which may be weeks."""
    new.reply = refusing(at, code)
    async with desk(new.port, hand) as it:
        it.driver.want(limit(3000))
        seen = await it.look()
        assert seen.condition.troubles >= {Trouble.WRITE_REFUSED}
        new.reply = lambda request: None
        connections = it.link.connections
        for _ in range(2):
            seen = await it.look(FIRST_S)
        assert (decision(seen), it.link.connections) == (1, connections)
        assert raw(new.site, "new", 704, "WMaxLimPct") == 3750


async def test_who_it_is_is_asked_again_where_it_was_not_told(new: Rogue, hand: Hand) -> None:
    new.reply = refusing(address("new", 1, "SN"), 4)
    async with desk(new.port, hand, pinned=Pinned(serial="D-1")) as it:
        it.driver.want(limit(3000))
        assert (await it.look()).condition.troubles >= {Trouble.WRONG_DEVICE}
        new.reply = lambda request: None
        for _ in range(2):
            seen = await it.look(FIRST_S)
        assert (decision(seen), seen.condition.troubles) == (1, frozenset())


async def test_a_device_that_never_tells_all_is_asked_ever_more_seldom(new: Rogue, hand: Hand) -> None:
    """After 10, 20, 40, 80, 160, 320 s and then every 10 minutes: at 630 s for the sixth time, and four more times in an hour."""
    new.reply = refusing(header("new", 704), 4)
    async with desk(new.port, hand) as it:
        new.asked.clear()
        for _ in range(360):
            await it.look(10.0)
        walks = [one for one in new.asked if isinstance(one, Read) and one.address == BASE]
        assert len(walks) == 10


async def test_a_setting_that_is_changed_at_the_device_is_what_it_can_do_from_then_on(new: Rogue, hand: Hand) -> None:
    """Who raises WMax at the inverter's own panel hangs up no connection: a site that counted on less exported more than it may."""
    new.touch(702, WMax=4000)
    async with desk(new.port, hand) as it:
        assert (await it.look()).nameplate.max_w == 4000.0
        new.touch(702, WMax=8000)
        seen = await it.look()
        assert (seen.nameplate.max_w, seen.nameplate.serial) == (8000.0, "D-1")


async def test_who_calls_itself_something_else_each_time_is_only_read(new: Rogue, hand: Hand) -> None:
    """Each name has a baseline of its own in the ledger, so that a memory chip that fails would fill it."""
    at, turns, memory = address("new", 1, "SN"), 0, Drawer()

    def renamed(request: Read | Write) -> Reply | None:
        if not isinstance(request, Read) or not request.address <= at < request.address + request.count:
            return None
        told = new.usual(request)
        assert isinstance(told, Registers)
        start = 2 * (at - request.address)
        return Registers(told.data[:start] + f"{turns:04}".encode() + told.data[start + 4 :])

    new.reply = renamed
    async with desk(new.port, hand, memory=memory) as it:
        for turns in range(40):
            it.driver.want(limit(3000 - turns))
            new.cut()
            seen = [await it.look(5.0) for _ in range(2)][-1]
        assert len([key for key in memory.kept if "/baseline/" in key]) == MOST_NAMES
        assert seen.condition.troubles >= {Trouble.WRONG_DEVICE}
        assert "something else each time" in seen.condition.text


async def test_a_timer_that_is_not_shown_is_renewed_by_the_clock(hand: Hand) -> None:
    """123 does not tell how long its timer still runs."""
    async with rogue("old", hand) as old, desk(old.port, hand) as it:
        it.driver.want(limit(1500, revert=Revert(60.0)))
        await it.look()
        await it.look(29.9)
        assert len(old.heard) == 1
        await it.look(0.1)
        # 1500 of 5000 W = 30 %; 60 s anew.
        assert [w.values for w in old.heard] == [(3000, 0, 60, 0, 1)] * 2
        await it.look(29.9)
        assert len(old.heard) == 2


async def test_no_baseline_no_writes(new: Rogue, hand: Hand) -> None:
    memory = Drawer()
    memory.full = True
    async with desk(new.port, hand, memory=memory) as it:
        it.driver.want(limit(3000))
        seen = await it.look()
        assert (new.heard, decision(seen)) == ([], 0)
        assert "nothing is written" in seen.condition.text
        memory.full = False
        assert decision(await it.look(1)) == 1


async def test_an_unreadable_baseline_is_not_replaced(new: Rogue, hand: Hand) -> None:
    memory = Drawer()
    key = "driver/device/baseline/OSED/DER 8000/D-1"
    memory.kept[key] = (1, b"{")
    async with desk(new.port, hand, memory=memory) as it:
        it.driver.want(limit(3000))
        await it.look()
        assert new.heard == []
        assert memory.kept[key] == (1, b"{")


async def test_a_ledger_that_fails_later_does_not_stop_the_writes(new: Rogue, hand: Hand) -> None:
    memory = Drawer()
    async with desk(new.port, hand, memory=memory) as it:
        memory.full = True
        it.driver.want(limit(3000))
        assert decision(await it.look()) == 1


async def test_another_serial_takes_a_baseline_of_its_own(hand: Hand) -> None:
    memory = Drawer()
    async with rogue("new", hand) as it, desk(it.port, hand, memory=memory) as first:
        first.driver.want(limit(3000))
        await first.look()
        it.become("old")
        for _ in range(3):
            await first.look(5)
    assert sorted(memory.kept) == [
        "driver/device/baseline/OSED/DER 8000/D-1",
        "driver/device/baseline/OSED/Legacy 5000/L-1",
    ]


async def test_baseline_of_a_restart_is_not_our_own_setpoint(new: Rogue, hand: Hand) -> None:
    memory = Drawer()
    async with desk(new.port, hand, memory=memory) as it:
        it.driver.want(limit(3000))
        await it.look()
    async with desk(new.port, hand, memory=memory) as it:
        # Born again it writes nothing, and shows what it found.
        seen = it.looks[-1]
        assert seen.condition.holds == Setpoint("device", 0, produce_max_w=3000.0, on=True)
        heard = len(new.heard)
        it.driver.want(limit(3000, decision=9))
        assert decision(await it.look(1)) == 9
        assert len(new.heard) == heard
        assert await it.driver.release()
        assert raw(new.site, "new", 704, "WMaxLimPctEna") == 0
        assert raw(new.site, "new", 704, "WMaxLimPct") == 10000


async def test_refused_is_shown_and_given_time(new: Rogue, hand: Hand) -> None:
    async with desk(new.port, hand) as it:
        new.reply = lambda request: Refusal(3) if isinstance(request, Write) else None
        it.driver.want(limit(3000))
        seen = await it.look()
        assert seen.condition.troubles == {Trouble.WRITE_REFUSED}
        assert "exception 3" in seen.condition.text
        assert decision(seen) == 0
        heard = len(new.heard)
        seen = await it.look(9.9)
        assert len(new.heard) == heard
        assert seen.condition.troubles == {Trouble.WRITE_REFUSED}
        await it.look(0.2)
        assert len(new.heard) == heard + 1
        # Something else is wanted: it is tried at once.
        it.driver.want(limit(2000))
        await it.look()
        assert len(new.heard) == heard + 2
        new.reply = lambda request: None
        it.driver.want(limit(1000))
        seen = await it.look(1)
        assert (decision(seen), seen.condition.troubles) == (1, frozenset())


async def test_acknowledged_but_not_kept_is_not_held(new: Rogue, hand: Hand) -> None:
    async with desk(new.port, hand) as it:
        new.deaf = True
        it.driver.want(limit(3000))
        seen = await it.look()
        assert seen.condition.troubles == {Trouble.NOT_HELD}
        assert decision(seen) == 0
        heard = len(new.heard)
        await it.look(1)  # once more at once, then it is given time
        assert len(new.heard) == 2 * heard
        await it.look(1)
        assert len(new.heard) == 2 * heard
        new.deaf = False
        seen = await it.look(10)
        assert (decision(seen), seen.condition.troubles) == (1, frozenset())


async def test_mute_is_silent_and_keeps_what_was_held(new: Rogue, hand: Hand) -> None:
    async with desk(new.port, hand, timeout_s=0.05) as it:
        it.driver.want(limit(3000, decision=4))
        await it.look()
        new.mute = True
        seen = await it.look(1)
        assert not seen.condition.online
        assert seen.condition.troubles == {Trouble.SILENT}
        assert decision(seen) == 4
        assert {reading.quality for reading in seen.condition.readings.values()} == {Quality.STALE}
        new.mute = False
        for _ in range(3):
            seen = await it.look(30)
        assert (seen.condition.online, decision(seen), seen.condition.troubles) == (True, 4, frozenset())


async def test_silent_for_longer_than_its_timer_it_counts_as_what_the_timer_ends_in(new: Rogue, hand: Hand) -> None:
    """3000 W for 60 s, then 2000 W; 10 s more for a write that is late. The device does so by itself, and holds again what is wanted."""
    async with desk(new.port, hand, timeout_s=0.05) as it:
        it.driver.want(limit(3000, 4, Revert(60.0, produce_max_w=2000.0)))
        await it.look()
        new.mute = True
        for after_s, watts in ((1, 3000.0), (59, 3000.0), (9, 3000.0), (2, 2000.0), (600, 2000.0)):
            seen = await it.look(after_s)
            assert seen.condition.holds is not None
            assert (seen.condition.online, seen.condition.holds.produce_max_w) == (False, watts)
        new.mute = False
        new.touch(704)  # nothing: the device as it is by now, and 25 % of 8000 W is what it fell to
        assert raw(new.site, "new", 704, "WMaxLimPct") == 2500
        for _ in range(3):
            seen = await it.look(30)
        assert (seen.condition.online, decision(seen)) == (True, 4)
        assert raw(new.site, "new", 704, "WMaxLimPct") == 3750


async def test_never_seen_is_a_look_too(hand: Hand) -> None:
    async with rogue("new", hand) as it:
        it.mute = True
        async with desk(it.port, hand, timeout_s=0.05) as nobody:
            assert not nobody.looks[-1].condition.online
            assert nobody.looks[-1].condition.readings == {}
            assert nobody.looks[-1].condition.holds is None


async def test_what_is_wanted_is_asserted_again_after_a_power_cycle(new: Rogue, hand: Hand) -> None:
    async with desk(new.port, hand) as it:
        it.driver.want(limit(3000, revert=Revert(60, 1000)))
        await it.look()
        new.power_cycle()
        for _ in range(3):
            seen = await it.look(5)
        assert decision(seen) == 1
        assert raw(new.site, "new", 704, "WMaxLimPct") == 3750
        assert raw(new.site, "new", 704, "WMaxLimPctEna") == 1


async def test_a_lost_write_is_made_again(new: Rogue, hand: Hand) -> None:
    async with desk(new.port, hand) as it:

        def losing(request: Read | Write) -> Reply | None:
            if isinstance(request, Write):
                new.cut()
            return None

        new.reply = losing
        it.driver.want(limit(3000))
        assert not (await it.look()).condition.online
        new.reply = lambda request: None
        for _ in range(2):
            seen = await it.look(5)
        assert decision(seen) == 1


async def test_newest_wanted_wins(new: Rogue, hand: Hand) -> None:
    async with desk(new.port, hand) as it:
        it.driver.want(limit(3000, 1))
        it.driver.want(limit(2000, 2))
        assert decision(await it.look()) == 2
        # 2000 of 8000 W = 25 %; 3000 W was never written.
        assert [w.values for w in new.heard] == [(2500,), (1,)]


async def test_switch_and_limit_are_given_back_each_on_its_own(new: Rogue, hand: Hand) -> None:
    async with desk(new.port, hand) as it:
        it.driver.want(Setpoint("device", 1, produce_max_w=3000.0, on=False))
        await it.look()
        it.driver.want(limit(3000, 2))
        await it.look(1)
        # The off is withdrawn; the limit is still ours.
        assert raw(new.site, "new", 703, "ES") == 1
        assert raw(new.site, "new", 704, "WMaxLimPctEna") == 1
        it.driver.want(Setpoint("device", 3))
        await it.look(1)
        assert raw(new.site, "new", 704, "WMaxLimPctEna") == 0


async def test_another_master_is_noticed_and_only_tightened(new: Rogue, hand: Hand) -> None:
    async with desk(new.port, hand) as it:
        it.driver.want(limit(3000))
        await it.look()
        for _ in range(3):
            new.touch(704, WMaxLimPct=9000)
            seen = await it.look(1)
            assert raw(new.site, "new", 704, "WMaxLimPct") == 3750
        assert seen.condition.troubles == {Trouble.FOREIGN_WRITER}
        # What it makes tighter than we want is left; what it makes looser is made tight again.
        new.touch(704, WMaxLimPct=1000)
        await it.look(1)
        assert raw(new.site, "new", 704, "WMaxLimPct") == 1000
        new.touch(704, WMaxLimPct=9000)
        await it.look(1)
        assert raw(new.site, "new", 704, "WMaxLimPct") == 3750


async def test_read_only_writes_nothing_and_says_once_what_it_would(new: Rogue, hand: Hand) -> None:
    memory = Drawer()
    async with desk(new.port, hand, read_only=True, memory=memory) as it:
        it.driver.want(limit(3000, 5))
        await it.look()
        await it.look(1)
        assert (new.heard, memory.kept) == ([], {})
        assert it.notes == [
            (
                "would-write",
                "decision-5",
                {"device": "device", "points": {"704.WMaxLimPct": 37.5, "704.WMaxLimPctEna": 1}, "refused": ""},
            )
        ]
        assert await it.driver.release()


async def test_the_log_says_what_was_written_and_read_back(new: Rogue, hand: Hand) -> None:
    async with desk(new.port, hand) as it:
        it.driver.want(limit(3000, 6))
        await it.look()
        [(kind, correlation, wrote), (kind_2, correlation_2, read)] = it.notes
        assert (kind, kind_2, correlation, correlation_2) == ("write", "read-back", "decision-6", "decision-6")
        assert wrote["points"] == {"704.WMaxLimPct": 37.5, "704.WMaxLimPctEna": 1}
        assert (read["points"]["704.WMaxLimPct"], read["points"]["704.WMaxLimPctEna"]) == (37.5, 1)


async def test_what_tightens_is_always_written_at_once_and_what_loosens_once_in_a_poll_period(
    new: Rogue, hand: Hand
) -> None:
    # A minute between polls, which nobody waits for here. The device lives through as much at once: an hour of it took ten seconds.
    async with desk(new.port, hand, poll_s=60.0, by_hand=False) as it:
        looked = len(new.asked)
        it.driver.want(limit(3000, 1))
        assert decision(await it.shown()) == 1
        # Not even a read stands before it: the last poll is young enough, and the read-back tells.
        assert isinstance(new.asked[looked], Write)
        it.driver.want(limit(4000, 2))
        assert decision(await it.shown()) == 2
        it.driver.want(limit(5000, 3))
        it.driver.want(limit(2000, 4))
        assert decision(await it.shown()) == 4
        # 3000, 4000 and 2000 of 8000 W; 5000 W stayed unwritten for lack of a poll.
        assert [w.values for w in new.heard] == [(3750,), (1,), (5000,), (2500,)]
        hand.t_s += 60.0
        it.driver.want(limit(6000, 5))
        assert decision(await it.shown()) == 5


async def test_write_and_read_back_are_one_conversation(
    new: Rogue, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(new.port, hand) as it:
        begun: list[object] = []
        converse = it.link.converse

        async def counted(conversation: Any, *, on: int | None = None) -> Any:
            begun.append(conversation)
            return await converse(conversation, on=on)

        monkeypatch.setattr(it.link, "converse", counted)
        looked = len(new.asked)
        it.driver.want(limit(3000))
        assert decision(await it.look()) == 1
        assert [isinstance(one, Write) for one in new.asked[looked:]] == [True, True, False, False]
        assert len(begun) == 1


class Wearing(SunSpec):
    """Takes two writes of its limit a day."""

    def capability(self, found: Found) -> Capability:
        return replace(super().capability(found), writes_per_day=2.0, wearing=frozenset({"704.WMaxLimPct"}))


async def test_what_was_written_counts_although_the_connection_is_lost_before_it_is_read_back(
    new: Rogue, hand: Hand
) -> None:
    memory = Drawer()
    async with desk(new.port, hand, family=Wearing(), memory=memory) as it:

        def lost(request: Read | Write) -> Reply | None:
            if isinstance(request, Read) and len(new.heard) == 2:
                new.cut()
            return None

        new.reply = lost
        it.driver.want(limit(3000))
        seen = await it.look()
        assert not seen.condition.online
        assert it.written() == [{"704.WMaxLimPct": 37.5, "704.WMaxLimPctEna": 1}]
        assert [kind for kind, _, _ in it.notes] == ["write"]
        [body] = [body for key, (_, body) in memory.kept.items() if "/writes/" in key]
        assert json.loads(body)["spent"] == {"704.WMaxLimPct": 1}


async def test_one_look_a_tick(new: Rogue, hand: Hand) -> None:
    async with desk(new.port, hand) as it:
        it.driver.want(limit(3000))
        await it.look()
        await it.look(1)
        assert len(it.looks) == 3
