"""Registration, PIN and access: who may be told what to do, and by whom."""

from dataclasses import replace

import pytest

from protocols.ieee2030_5.session.exchange import Method, Request
from protocols.ieee2030_5.session.machine import MOST_REMARKS
from protocols.ieee2030_5.wire.resources import EndDevice, Registration
from tests.protocols.ieee2030_5.session.rig import LFDI, SFDI, TERMS, UTC_S, Rig, control, end_device, house, mrid


def _wrong_pin(rig: Rig, pin: int) -> None:
    rig.server.single["/edev/1/rg"] = Registration(dateTimeRegistered=int(UTC_S), pIN=pin)


@pytest.mark.parametrize("pin", [111116, 11111, 0, 999999, 115111])
def test_a_wrong_pin_refuses_the_server_and_ends_the_conversation(pin: int) -> None:
    """All six digits count: 11111 is not 111115."""
    rig = house()
    _wrong_pin(rig, pin)
    rig.run(2)
    asked = len(rig.asked)
    rig.run(180)
    assert rig.reads[-1].refused
    assert not any(read.programs for read in rig.reads)
    assert len(rig.asked) == asked, "silent for three minutes"
    assert rig.gets("/edev/1/fsa") == []
    assert [alarm.key for alarm in rig.alarms if alarm.raised] == ["pin"]


@pytest.mark.parametrize("rate_s", [60, 3600])
def test_a_pin_that_turns_wrong_stops_control_and_one_that_is_mended_resumes_it(rate_s: int) -> None:
    """The PIN is read again within ten minutes, and then all lists, those polled hourly too (rule 7: left only on a complete re-read)."""
    rig = house()
    rig.server.rates |= dict.fromkeys(rig.server.rates, rate_s)
    rig.run(60)
    _wrong_pin(rig, 222222)
    rig.run(900)
    assert rig.reads[-1].refused
    _wrong_pin(rig, 111115)
    rig.run(601)
    assert rig.reads[-1].complete
    assert not rig.reads[-1].refused
    assert all(rig.mono - rig.gets(path)[-1] < 601 for path in rig.server.lists)


def test_the_right_pin_carries_on() -> None:
    rig = house().run(180)
    assert rig.reads[-1].listed == {mrid(7)}


def test_no_registration_link_is_fine() -> None:
    rig = house()
    rig.server.lists["/edev"] = [end_device(RegistrationLink=None)]
    rig.run(5)
    assert rig.reads[-1].complete


def test_a_registration_that_is_not_there_is_fine() -> None:
    rig = house()
    del rig.server.single["/edev/1/rg"]
    rig.run(5)
    assert rig.reads[-1].complete


def test_an_unread_registration_is_waited_for_and_a_known_one_is_not() -> None:
    rig = house()
    rig.server.wrong["/edev/1/rg"] = lambda request: (500, b"")
    rig.run(50)
    assert rig.gets("/edev/1/fsa") == []
    del rig.server.wrong["/edev/1/rg"]
    rig.run(60)
    assert rig.reads[-1].complete
    rig.server.wrong["/edev/1/rg"] = lambda request: (500, b"")
    rig.run(3600)
    assert rig.mono - rig.gets("/derp/7/derc")[-1] < 65


@pytest.mark.parametrize("status", [401, 403])
def test_a_certificate_refused_in_mid_schedule_is_said_and_retried_slowly(status: int) -> None:
    rig = house()
    rig.server.lists["/derp/7/derc"] = [control(1, start=int(UTC_S) + 60)]
    rig.run(600)
    healthy = dict(rig.server.wrong)
    for path in (*rig.server.lists, *rig.server.single):
        rig.server.wrong[path] = lambda request: (status, b"")
    rig.run(400)
    assert rig.reads[-1].refused
    asked = len(rig.asked)
    rig.run(1800)
    assert 2 <= len(rig.asked) - asked <= 4, "one poll of dcap each ten minutes or so"
    rig.server.wrong = healthy
    rig.run(700)
    assert rig.reads[-1].complete
    assert [event.key.id for event in rig.reads[-1].events] == [mrid(1)]


def test_dcap_gone_is_an_alarm_and_no_refusal() -> None:
    rig = house()
    rig.run(10)
    rig.server.wrong["/dcap"] = lambda request: (404, b"")
    rig.run(700)
    assert any("DeviceCapability" in alarm.key for alarm in rig.alarms)
    assert not any(read.refused for read in rig.reads)
    assert rig.mono - rig.gets("/derp/7/derc")[-1] < 65


def test_403_on_one_list_refuses_nothing_else() -> None:
    rig = house()
    rig.run(10)
    rig.server.wrong["/derp/7/derc"] = lambda request: (403, b"")
    rig.run(600)
    assert not any(read.refused for read in rig.reads)
    assert rig.reads[-1].listed == frozenset()
    assert rig.reads[-1].standings


def test_an_end_device_not_listed_is_told_nothing_and_no_read_is_complete() -> None:
    rig = house()
    rig.server.lists["/edev"] = []
    rig.run(600)
    assert not any(read.complete for read in rig.reads)
    assert [alarm.key for alarm in rig.alarms] == ["registration"]
    assert not rig.server.posts


def _registers(status: int) -> Rig:
    rig = house(replace(TERMS, register=True, device_category=1 << 21))
    device = rig.server.lists["/edev"].pop()

    def answer(request: Request) -> tuple[int, bytes]:
        if request.method is Method.POST:
            if status in (201, 409):
                rig.server.lists["/edev"].append(device)
            assert isinstance(request.message, EndDevice)
            rig.server.posts.append((rig.mono, "/edev", request.message))
            return status, b""
        wrong = rig.server.wrong.pop("/edev")
        try:
            return rig.server.answer(request)
        finally:
            rig.server.wrong["/edev"] = wrong

    rig.server.wrong["/edev"] = answer
    return rig


@pytest.mark.parametrize("status", [201, 409])
def test_registration_in_band_goes_straight_on(status: int) -> None:
    rig = _registers(status).run(10)
    (posted,) = [told for _, _, told in rig.server.posts]
    assert isinstance(posted, EndDevice)
    assert (posted.lFDI, posted.sFDI, posted.deviceCategory) == (LFDI, SFDI, 1 << 21)
    assert posted.changedTime == int(UTC_S)
    assert rig.reads[-1].complete


# An hour: 4xx each 570 s makes 7; otherwise 13, 26, 52, 105, 210 s and then each 262 s makes 1 + 5 + 12 = 18.
@pytest.mark.parametrize(("status", "most"), [(400, 7), (403, 7), (404, 7), (500, 18), (0, 18)])
def test_a_refused_registration_is_tried_again_slowly(status: int, most: int) -> None:
    rig = _registers(status).run(3600)
    assert 2 <= len(rig.server.posts) <= most
    if status >= 400 and status < 500:
        assert "enrolment" in {alarm.key for alarm in rig.alarms}


def test_other_nonsense_at_each_poll_is_told_in_part() -> None:
    """A thousand controls that break the schema, others each minute: each remark is a line in the log, which is a ring."""
    rig = house()
    served = 0

    def nonsense(_: Request) -> tuple[int, bytes]:
        nonlocal served
        served += 1000
        items = "".join(
            f"<DERControl><mRID>{mrid(served + index)}</mRID><creationTime>{served + index}x</creationTime></DERControl>"
            for index in range(1000)
        )
        head = '<DERControlList xmlns="urn:ieee:std:2030.5:ns" all="1000" results="1000">'
        return 200, f"{head}{items}</DERControlList>".encode()

    rig.server.wrong["/derp/7/derc"] = nonsense
    rig.run(30)
    assert len(rig.reads[-1].rejects) >= 1000
    raised = [alarm for alarm in rig.alarms if alarm.raised and alarm.key.startswith("remark")]
    assert len(raised) == MOST_REMARKS + 1
    assert "more to remark" in raised[-1].text
