"""The twins as a third party's client reads and writes them, at register numbers written down by hand.

The table is a transcript of what public sources say of the devices, made independently of the profiles: the product's own reader and its
own simulated device could share a mistake; pymodbus and this table do not share it.
"""

from dataclasses import dataclass

import pytest
from pymodbus.client import AsyncModbusTcpClient

from adapters.simulator.car import Car
from tests.adapters.registers.bench import CHARGERS, PROFILES, bench
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import UTC_S


@dataclass(frozen=True)
class Row:
    """One charger with a car that takes 10 A on three phases, 6,900 W. Registers by table letter and number, raw.

    ``tell``: how 10 A are written: (function, address, registers) in order; ``reads``: what must then be read.
    """

    unit: int
    tell: tuple[tuple[int, int, tuple[int, ...]], ...]
    reads: dict[str, tuple[int, ...]]


H, C = 16, 5
F10 = (0x4120, 0x0000)  # 10.0 as a float
ROWS = {
    # 10,000 mA; state 4 (C2) in byte 2; power in W.
    "abb-terra-ac": Row(
        1, ((H, 0x4100, (0, 10000)),), {"H16398": (0, 10000), "H16396": (0, 0x0400), "H16412": (0, 6900)}
    ),
    # 6,900.0 as a float is 45D7A000; Mode 3 state "C".
    "alfen-eve": Row(1, ((H, 1210, F10),), {"H1210": F10, "H344": (0x45D7, 0xA000), "H1201": (0x4300, 0, 0, 0, 0)}),
    # 6,900,000 mW = 00694920.
    "keba-p30": Row(255, ((6, 5004, (10000,)), (6, 5014, (1,))), {"H1000": (0, 3), "H1020": (0x0069, 0x4920)}),
    "keba-p40": Row(255, ((6, 5004, (10000,)),), {"H1000": (0, 3), "H1020": (0x0069, 0x4920)}),
    "phoenix-charx": Row(1, ((6, 1301, (10,)),), {"H1301": (10,), "H1299": (0x4300,), "H1244": (0x0069, 0x4920)}),
    # 690 * 0.01 kW, low word first; the coil releases it.
    "phoenix-em-cp-pp": Row(180, ((6, 300, (10,)), (C, 400, (1,))), {"H300": (10,), "I120": (690, 0)}),
    "vestel-evc04": Row(
        255, ((6, 5004, (10,)),), {"H5004": (10,), "I1001": (1,), "I1020": (0, 6900), "I1008": (10000,)}
    ),
    "webasto-unite": Row(255, ((6, 5004, (10,)),), {"H5004": (10,), "I1001": (1,), "I1020": (0, 6900)}),
    "webasto-next": Row(255, ((6, 5004, (10,)),), {"H5004": (10,), "H1000": (3,), "H1020": (0, 6900)}),
    "bender": Row(255, ((6, 1000, (10,)),), {"H1000": (10,), "H122": (3,), "H220": (0, 6900), "H212": (0, 10000)}),
    "mennekes-hcc3": Row(255, ((6, 0x400, (10,)),), {"H1024": (10,), "I770": (5,), "I783": (6900, 0)}),
    "mennekes-compact": Row(
        50, ((H, 0x302, F10), (6, 0xD05, (1,))), {"H770": F10, "H256": (5,), "H1298": (0x45D7, 0xA000)}
    ),
    # 6.9 kW as a float is 40DCCCCD, low word first.
    "schneider-evlink-pro-ac": Row(255, ((6, 4004, (10,)),), {"H4004": (10,), "H1": (8,), "H3059": (0xCCCD, 0x40DC)}),
    "etrel-inch": Row(1, ((H, 8, F10),), {"I4": F10, "I0": (4,), "I26": (0x40DC, 0xCCCD)}),
    "heidelberg-energy-control": Row(
        1, ((6, 261, (100,)),), {"H261": (100,), "I5": (6,), "I14": (6900,), "I6": (100,)}
    ),
    "amperfied": Row(255, ((6, 261, (100,)),), {"H261": (100,), "I5": (6,), "I14": (6900,)}),
    "go-e": Row(1, ((H, 299, (10,)),), {"H299": (10,), "I100": (2,), "I120": (0, 690), "I114": (0, 100)}),
    "siemens-versicharge": Row(2, ((6, 1633, (1000,)),), {"H1633": (1000,), "H1599": (0x4300,), "H1662": (2300,)}),
    "peblar": Row(255, ((H, 40000, (0, 10000)),), {"H40000": (0, 10000), "I30110": (0x4300,), "I30014": (0, 6900)}),
    "phoenix-ev-cc": Row(1, ((6, 22000, (10,)), (C, 20000, (1,))), {"H22000": (10,), "I24000": (0x4300,)}),
}


def test_every_charger_has_its_row() -> None:
    assert sorted(ROWS) == sorted(CHARGERS)


@pytest.mark.parametrize("name", ROWS)
async def test_registers(name: str) -> None:
    row, hand = ROWS[name], Hand(UTC_S)
    assert PROFILES[name].unit == row.unit
    async with bench(name, hand, Car()) as at:
        client = AsyncModbusTcpClient("127.0.0.1", port=at.port, retries=0)
        assert await client.connect()
        try:
            for function, address, values in row.tell:
                if function == C:
                    reply = await client.write_coil(address, bool(values[0]), device_id=row.unit)
                elif function == 6:
                    reply = await client.write_register(address, values[0], device_id=row.unit)
                else:
                    reply = await client.write_registers(address, list(values), device_id=row.unit)
                assert not reply.isError(), reply
            for place, expected in row.reads.items():
                read = client.read_input_registers if place[0] == "I" else client.read_holding_registers
                got = await read(int(place[1:]), count=len(expected), device_id=row.unit)
                assert (place, tuple(got.registers)) == (place, expected)
        finally:
            client.close()


METERS: dict[str, tuple[int, dict[str, tuple[int, ...]]]] = {
    # 1,500.0 as a float is 44BB8000; 1 kWh imported, 3F800000.
    "eastron-sdm630": (1, {"I52": (0x44BB, 0x8000), "I12": (0x43FA, 0), "I72": (0x3F80, 0), "I0": (0x4366, 0)}),
    "eastron-sdm120": (1, {"I12": (0x44BB, 0x8000), "I72": (0x3F80, 0), "I70": (0x4248, 0)}),
    "shelly-pro-3em": (1, {"I1013": (0x8000, 0x44BB), "I1162": (0, 0x447A)}),
    # Export positive, low word first: -1500 = FFFFFA24.
    "sungrow-meter": (1, {"I13009": (0xFA24, 0xFFFF), "I13036": (10, 0), "I13045": (5, 0)}),
    "huawei-meter": (1, {"H37113": (0xFFFF, 0xFA24), "H37101": (0, 2300), "H37121": (0, 100), "H37119": (0, 50)}),
    "victron-gx-meter": (100, {"H820": (500, 500, 500)}),
    "goodwe-meter": (247, {"H35140": (0xFA24,)}),
}


@pytest.mark.parametrize("name", METERS)
async def test_registers_of_meters(name: str) -> None:
    """1,500 W imported; 1,000 Wh imported and 500 Wh exported so far."""
    unit, reads = METERS[name]
    async with bench(name, Hand(UTC_S), net_w=1500.0) as at:
        client = AsyncModbusTcpClient("127.0.0.1", port=at.port, retries=0)
        assert await client.connect()
        try:
            for place, expected in reads.items():
                read = client.read_input_registers if place[0] == "I" else client.read_holding_registers
                got = await read(int(place[1:]), count=len(expected), device_id=unit)
                assert (place, tuple(got.registers)) == (place, expected)
        finally:
            client.close()


BATTERIES: dict[str, tuple[int, tuple[tuple[int, int, tuple[int, ...]], ...], dict[str, tuple[int, ...]]]] = {
    # 2,000 W out of the battery: what reads, as the maker's map says it, when that was written as the maker's map wants it.
    "sungrow-sh": (
        1,
        ((6, 13051, (2000,)), (6, 13050, (0xBB,)), (6, 13049, (2,))),
        {"I13033": (2000, 0), "I13022": (500,), "H13049": (2, 0xBB, 2000)},
    ),
    "huawei-sun2000": (
        1,
        ((6, 47083, (60,)), (H, 47249, (0, 2000)), (6, 47100, (2,))),
        {"H32080": (0, 2000), "H37760": (500,), "H47100": (2,)},
    ),
    "goodwe-et": (247, ((6, 47512, (2000,)), (6, 47511, (12,))), {"H35138": (2000,), "H37007": (50,)}),
    "victron-multi": (227, ((6, 37, (0xF830,)),), {"H12": (0xFF38,)}),
    "growatt-sph": (
        1,
        ((6, 1080, (0,)), (6, 1081, (0x173B,)), (6, 1070, (40,)), (6, 1082, (1,))),
        {"I35": (0, 20000), "I1014": (50,)},
    ),
}


@pytest.mark.parametrize("name", BATTERIES)
async def test_registers_of_batteries(name: str) -> None:
    unit, tell, reads = BATTERIES[name]
    async with bench(name, Hand(UTC_S)) as at:
        client = AsyncModbusTcpClient("127.0.0.1", port=at.port, retries=0)
        assert await client.connect()
        try:
            for function, address, values in tell:
                if function == 6:
                    reply = await client.write_register(address, values[0], device_id=unit)
                else:
                    reply = await client.write_registers(address, list(values), device_id=unit)
                assert not reply.isError(), reply
            for place, expected in reads.items():
                read = client.read_input_registers if place[0] == "I" else client.read_holding_registers
                got = await read(int(place[1:]), count=len(expected), device_id=unit)
                assert (place, tuple(got.registers)) == (place, expected)
        finally:
            client.close()
