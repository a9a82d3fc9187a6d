"""The laws of the house, over the house."""

import tomllib

import pytest

from tests.architecture import laws
from tests.architecture.source import PRODUCT, ROOT, Module, house

# Who may await. Everything else takes time, network and chance as arguments; a new line here is a decision.
AWAITING = (
    "protocols/*/client.py",
    "protocols/shell.py",
    "protocols/*/connection.py",
    "protocols/*/exchanger.py",
    "protocols/*/server.py",
    "protocols/openadr3/webhook.py",
    "protocols/openadr3/broker.py",
    "adapters/modbus/link.py",
    "adapters/doorway.py",  # begins to listen, and shakes hands
    "adapters/ocpp/server.py",  # one socket per station; all that is said is the session's
    "adapters/homeassistant/client.py",  # one socket per server; all that is said is the session's
    "adapters/knobs/gadget.py",  # a device behind such a server; all that it does is its hand's
    "adapters/heaters/client.py",  # one heater on its link
    "adapters/edgex/client.py",  # one request each to core-command, and the devices behind it
    "adapters/edgex/bus.py",  # one broker; all that is said is the messages'
    "adapters/modbus/lines.py",
    "adapters/charger_trial.py",
    "adapters/commission.py",
    "adapters/driver.py",
    "adapters/simulator/*",
    "adapters/waiting.py",
    "gateway/api/*",
    "gateway/appliance.py",
    "gateway/areas/*",
    "gateway/child.py",  # processes of our own: plug-ins and the demonstration
    "gateway/mail.py",
    "gateway/solving.py",
    "gateway/cli/*",
    "gateway/demo/*",
    "gateway/guests/host.py",
    "gateway/guests/process.py",
    "gateway/guests/trial.py",
    "gateway/lab/*",
    "gateway/ledger/book.py",
    "gateway/log/book.py",
    "gateway/loop.py",
    "gateway/reports.py",
    "gateway/saying.py",
    "gateway/sessions/openadr2b.py",
    "gateway/store/writer.py",
    "gateway/telling.py",
    "gateway/watchdog.py",
    "gateway/wiring.py",
)
DECLARING = ("gateway/books.py", "grid_functions/model/ports.py")

_PURE_OCPP = (
    *("access", "address", "desk", "dialect", "facts", "frames", "limit", "options", "outlet", "samples", "session"),
    *("times", "v16", "v201"),
)

_PURE_HOME = (*("address", "knobs", "listing", "messages", "options", "sensors", "session", "thing"),)

# Who is handed the clock, the wire and the dice.
PURE = (
    "grid_functions/*",
    "protocols/exchange.py",
    "protocols/*/wire*",
    "protocols/*/session*",
    "protocols/*/translate*",
    "protocols/*/desk*",
    "protocols/openadr3/timing.py",
    "protocols/openadr3/report/*",
    "adapters/modbus/address*",
    "adapters/modbus/frames*",
    "adapters/modbus/rtu*",
    *(f"adapters/ocpp/{one}.py" for one in _PURE_OCPP),
    *(f"adapters/homeassistant/{one}.py" for one in _PURE_HOME),
    *(f"adapters/knobs/{one}.py" for one in ("ability", "desire", "hand", "keeping", "knob", "units")),
    *(f"adapters/edgex/{one}.py" for one in ("address", "latest", "messages", "options", "points", "profile", "unit")),
    *(f"adapters/heaters/{one}.py" for one in ("options", "profile", "recognition", "unit")),
    "adapters/registers/*",
    "adapters/sunspec/points*",
    "adapters/sunspec/discover*",
    "adapters/devices/*",
)

IMPORTING_BY_NAME = ("*/catalogue.py", "gateway/wiring.py", "benchmarks/__main__.py", "tests/*")

# What device families, or protocols, share; everything else beside them is one of its own.
SHARED_BY_SIBLINGS = ("adapters.devices.family", "protocols.doorway", "protocols.exchange", "protocols.shell")


@pytest.fixture(scope="module")
def everything() -> list[Module]:
    return house()


@pytest.fixture(scope="module")
def product(everything: list[Module]) -> list[Module]:
    return [module for module in everything if module.folder in PRODUCT]


def test_the_house_is_all_there(product: list[Module]) -> None:
    assert {module.folder for module in product} == set(PRODUCT)


def test_arrows_between_folders(everything: list[Module]) -> None:
    assert list(laws.folder_arrows(everything)) == []


def test_the_ground_floor_stands_on_nothing(product: list[Module]) -> None:
    assert list(laws.ground_floor(product)) == []


def test_a_protocol_never_another_and_a_family_never_another(product: list[Module]) -> None:
    assert list(laws.siblings(product, SHARED_BY_SIBLINGS)) == []


def test_the_pure_reach_for_nothing(product: list[Module]) -> None:
    assert list(laws.purity(product, PURE)) == []


def test_only_the_listed_await(product: list[Module]) -> None:
    assert list(laws.awaiting(product, AWAITING, DECLARING)) == []


def test_no_import_cycles(product: list[Module]) -> None:
    assert list(laws.cycles(product)) == []


def test_nothing_hides_behind_type_checking(everything: list[Module]) -> None:
    assert list(laws.no_type_checking(everything)) == []


def test_importing_by_name_has_its_places(everything: list[Module]) -> None:
    assert list(laws.no_importlib(everything, IMPORTING_BY_NAME)) == []


def test_packages_hold_a_docstring_only(everything: list[Module]) -> None:
    assert list(laws.bare_packages(everything)) == []


def test_modules_stay_short(product: list[Module]) -> None:
    assert list(laws.lengths(product, (ROOT / "ARCHITECTURE.md").read_text())) == []


def test_names_say_something(everything: list[Module]) -> None:
    assert list(laws.telling_names(everything)) == []


def test_ignores_are_few_and_reasoned(everything: list[Module]) -> None:
    assert list(laws.ignores(everything)) == []


def test_nouns_are_frozen_and_slotted(product: list[Module]) -> None:
    assert list(laws.frozen_nouns(product)) == []


def test_no_room_relaxes_the_rules() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert settings["mypy"]["strict"] is True
    for override in settings["mypy"].get("overrides", []):
        assert set(override) <= {"module", "ignore_missing_imports"}, "missing stubs are the only excuse"
    assert "per-file-ignores" not in settings["ruff"]["lint"]
    assert settings["pytest"]["ini_options"]["filterwarnings"][0] == "error"
