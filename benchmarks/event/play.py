"""What happens in event_to_ack: the changes of one DERControlList, as bodies rendered before anything is timed.

Event k puts one new DERControl (active, superseding the one before) at the head of a list of ten; the one before it is
shown once more as superseded, eight more are scheduled for later days. Even events tighten the limit, odd ones loosen it.
"""

from dataclasses import dataclass

WARM = 20
"""Events before the timed ones: caches, connections and code paths are warm after them."""

TIMED = 200
EVENTS = WARM + TIMED

PROGRAM = "B0000000000000000000000000006F83"
MOST = 10_000
"""100 % in the units of opModMaxLimW, and of a WMaxLimPct with scale factor -2."""

DCAP, TIME, EDEVS, FSAS, PROGRAMS, CONTROLS, DEFAULT, RESPONSES = (
    "/dcap",
    "/tm",
    "/edev",
    "/edev/0/fsa",
    "/edev/0/derp",
    "/edev/0/derp/0/derc",
    "/edev/0/derp/0/dderc",
    "/rsps/0/rsp",
)

_NS = 'xmlns="urn:ieee:std:2030.5:ns"'
_SCHEDULED = 8
SHOWN = 2 + _SCHEDULED
"""Controls in a list, but for the first."""
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Event:
    """One change: the new control's mRID and its limit, hundredths of a percent."""

    mrid: str
    limit: int
    tightens: bool


def event(number: int) -> Event:
    """The event of that number, 0 to EVENTS - 1. Low limits rise from 30 %, high ones fall from 90 %: all differ."""
    tightens = number % 2 == 0
    limit = 3_000 + 5 * number if tightens else 9_000 - 5 * number
    return Event(_mrid(number), limit, tightens)


def lists(began_s: int) -> list[bytes]:
    """The DERControlList as each event leaves it. ``began_s``: now, UTC."""
    later = "".join(_control(_mrid(0xA000 + day), began_s - 9, began_s + day * _DAY_S, 5_000, 0) for day in range(1, 9))
    return [_list(number, began_s, later) for number in range(EVENTS)]


def tree(lfdi: str, sfdi: int, utc_s: int) -> dict[str, bytes]:
    """Everything else that is served, but for the list. ``utc_s``: the server's time now."""
    bodies = {
        DCAP: f'<DeviceCapability {_NS} href="{DCAP}" pollRate="900"><TimeLink href="{TIME}"/>'
        f'<EndDeviceListLink href="{EDEVS}" all="1"/></DeviceCapability>',
        TIME: f'<Time {_NS} href="{TIME}" pollRate="900"><currentTime>{utc_s}</currentTime><dstEndTime>0</dstEndTime>'
        "<dstOffset>0</dstOffset><dstStartTime>0</dstStartTime><quality>4</quality><tzOffset>0</tzOffset></Time>",
        EDEVS: f'<EndDeviceList {_NS} href="{EDEVS}" all="1" results="1" pollRate="900"><EndDevice href="/edev/0">'
        f"<lFDI>{lfdi}</lFDI><sFDI>{sfdi}</sFDI><changedTime>{utc_s}</changedTime>"
        f'<FunctionSetAssignmentsListLink href="{FSAS}" all="1"/></EndDevice></EndDeviceList>',
        FSAS: f'<FunctionSetAssignmentsList {_NS} href="{FSAS}" all="1" results="1" pollRate="900">'
        '<FunctionSetAssignments href="/edev/0/fsa/0"><mRID>F0000000000000000000000000006F83</mRID>'
        f'<DERProgramListLink href="{PROGRAMS}" all="1"/></FunctionSetAssignments></FunctionSetAssignmentsList>',
        PROGRAMS: f'<DERProgramList {_NS} href="{PROGRAMS}" all="1" results="1" pollRate="900">'
        f'<DERProgram href="/edev/0/derp/0"><mRID>{PROGRAM}</mRID><DefaultDERControlLink href="{DEFAULT}"/>'
        f'<DERControlListLink href="{CONTROLS}" all="10"/><primacy>1</primacy></DERProgram></DERProgramList>',
        DEFAULT: f'<DefaultDERControl {_NS} href="{DEFAULT}"><mRID>D0000000000000000000000000006F83</mRID>'
        f"<DERControlBase><opModMaxLimW>{MOST}</opModMaxLimW></DERControlBase></DefaultDERControl>",
    }
    return {path: body.encode() for path, body in bodies.items()}


def _list(number: int, began_s: int, later: str) -> bytes:
    shown = [_changed(number, began_s, 1)]
    if number > 0:
        shown.append(_changed(number - 1, began_s, 4))
    size = len(shown) + _SCHEDULED
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<DERControlList {_NS} href="{CONTROLS}" all="{size}"'
        f' results="{size}">{"".join(shown)}{later}</DERControlList>'
    ).encode()


def _changed(number: int, began_s: int, status: int) -> str:
    # A second apart, all in the past: each starts at once, and is newer than the one before.
    born_s = began_s - 10 * EVENTS + number
    return _control(event(number).mrid, born_s, born_s, event(number).limit, status)


def _control(mrid: str, created_s: int, start_s: int, limit: int, status: int) -> str:
    return (
        f'<DERControl href="{CONTROLS}/{mrid[16:24]}" replyTo="{RESPONSES}" responseRequired="03">'
        f"<mRID>{mrid}</mRID><description>feeder 12, generation limit</description><version>0</version>"
        f"<creationTime>{created_s}</creationTime><EventStatus><currentStatus>{status}</currentStatus>"
        f"<dateTime>{created_s}</dateTime><potentiallySuperseded>false</potentiallySuperseded></EventStatus>"
        f"<interval><duration>{_DAY_S}</duration><start>{start_s}</start></interval>"
        f"<DERControlBase><opModMaxLimW>{limit}</opModMaxLimW></DERControlBase></DERControl>"
    )


def _mrid(number: int) -> str:
    return f"3000000000000000{number:08X}00006F83"
