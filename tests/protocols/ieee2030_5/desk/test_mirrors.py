"""The metering mirror: made once, renewed under the same mRID, fed with readings. IEEE 2030.5-2018, clause 10.12.5."""

import pytest

from tests.protocols.ieee2030_5.desk.talk import ALICE, BOB, NOON, SEP, Talk, with_alice

WATTS = (
    "<ReadingType><dataQualifier>2</dataQualifier><flowDirection>1</flowDirection><intervalLength>60</intervalLength>"
    "<kind>37</kind><phase>0</phase><powerOfTenMultiplier>0</powerOfTenMultiplier><uom>38</uom></ReadingType>"
)


def reading_set(mrid: str, value: int, start_s: int = NOON) -> str:
    period = f"<timePeriod><duration>60</duration><start>{start_s}</start></timePeriod>"
    return f"<MirrorReadingSet><mRID>{mrid}</mRID>{period}<Reading><value>{value}</value></Reading></MirrorReadingSet>"


def quantity(mrid: str = "A1", sets: str = "", reading: str = "", kind: str = WATTS, namespace: str = "") -> str:
    return f"<MirrorMeterReading{namespace}><mRID>{mrid}</mRID>{sets}{reading}{kind}</MirrorMeterReading>"


def mirror(mrid: str = "B1", lfdi: str = ALICE, quantities: str | None = None, role: str = "03") -> str:
    inside = quantity() if quantities is None else quantities
    return (
        f"<MirrorUsagePoint {SEP}><mRID>{mrid}</mRID><description>site</description><roleFlags>{role}</roleFlags>"
        f"<serviceCategoryKind>0</serviceCategoryKind><status>1</status><deviceLFDI>{lfdi}</deviceLFDI>{inside}"
        "</MirrorUsagePoint>"
    )


@pytest.fixture
def talk() -> Talk:
    return with_alice()


def values(talk: Talk, number: int = 1) -> list[tuple[str, int, int, int]]:
    found = talk.done("GET", f"/mirrors/{number}/values")
    return [(one["meter_reading"], one["value"], one["start_s"], one["duration_s"]) for one in found]


def test_a_mirror_is_made_and_stands_at_its_own_href_with_the_post_rate(talk: Talk) -> None:
    reply = talk.ask("POST", "/mup", mirror())
    assert (reply.status, reply.location, reply.body) == (201, "/mup/1", b"")
    told = "//s:MirrorUsagePoint/s:mRID | //s:roleFlags | //s:postRate | //s:deviceLFDI | //s:uom"
    wanted = ["B1", "0003", ALICE, "38", "60"]
    assert talk.texts("/mup?l=9", told) == wanted
    assert (
        talk.texts("/mup/1", "/s:MirrorUsagePoint/s:mRID | //s:roleFlags | //s:postRate | //s:deviceLFDI | //s:uom")
        == wanted
    )
    talk.done("PATCH", "/settings", {"post_rate_s": 300})
    assert talk.texts("/mup/1", "//s:postRate") == ["300"]
    assert talk.texts("/dcap", "//s:MirrorUsagePointListLink/@all") == ["1"]


def test_the_same_mrid_again_renews_it_and_says_where(talk: Talk) -> None:
    talk.ask("POST", "/mup", mirror())
    reply = talk.ask("POST", "/mup", mirror(quantities=quantity("A2"), role="49"))
    assert (reply.status, reply.location) == (204, "/mup/1")
    assert talk.texts("/mup/1", "//s:MirrorMeterReading/s:mRID | //s:roleFlags") == ["0049", "A1", "A2"]
    assert talk.ask("POST", "/mup", mirror("B2")).location == "/mup/2"


def test_two_devices_may_use_one_mrid_without_meeting(talk: Talk) -> None:
    assert talk.ask("POST", "/mup", mirror()).location == "/mup/1"
    assert talk.ask("POST", "/mup", mirror(lfdi=BOB), who=BOB).location == "/mup/2"
    assert talk.texts("/mup?l=9", "//s:MirrorUsagePoint/@href", BOB) == ["/mup/2"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (mirror(quantities=""), 400),
        (mirror(quantities=quantity(kind="")), 400),  # a quantity of no known type
        (mirror(lfdi=BOB), 403),
        (mirror(lfdi="C" * 40), 403),
        (mirror(role="10000"), 400),
        (mirror().replace(f"<deviceLFDI>{ALICE}</deviceLFDI>", ""), 400),
        ("<MirrorUsagePoint/>", 400),
    ],
)
def test_a_mirror_that_is_none_or_anothers_is_refused(talk: Talk, body: str, status: int) -> None:
    assert talk.ask("POST", "/mup", body).status == status
    assert talk.done("GET", "/mirrors") == []


def test_readings_in_sets_and_alone_are_kept_with_their_times(talk: Talk) -> None:
    talk.ask("POST", "/mup", mirror(quantities=quantity(sets=reading_set("C1", -1200))))
    alone = f"<lastUpdateTime>{NOON + 90}</lastUpdateTime><Reading><value>7</value></Reading>"
    body = quantity(sets=reading_set("C2", 500, NOON + 60), namespace=f" {SEP}", kind="")
    reply = talk.ask("POST", "/mup/1", body)
    assert (reply.status, reply.location) == (201, "/mup/1")
    assert talk.ask("POST", "/mup/1", quantity(reading=alone, namespace=f" {SEP}", kind="")).status == 201
    assert values(talk) == [("A1", -1200, NOON, 60), ("A1", 500, NOON + 60, 60), ("A1", 7, NOON + 90, 0)]


def test_a_list_of_readings_is_taken_whole_or_not_at_all(talk: Talk) -> None:
    talk.ask("POST", "/mup", mirror())

    def several(*quantities: str) -> str:
        inside = "".join(quantities)
        return f'<MirrorMeterReadingList {SEP} all="2" results="2">{inside}</MirrorMeterReadingList>'

    known, new = quantity(sets=reading_set("C1", 1), kind=""), quantity("A9", sets=reading_set("C2", 2))
    assert talk.ask("POST", "/mup/1", several(known, new)).status == 201
    untyped = quantity("A8", sets=reading_set("C3", 3), kind="")
    assert talk.ask("POST", "/mup/1", several(known, untyped)).status == 400
    broken = known.replace("<value>1</value>", "<value>one</value>")
    assert talk.ask("POST", "/mup/1", several(known, broken)).status == 400
    assert [value for _, value, _, _ in values(talk)] == [1, 2]


def test_a_mirror_is_its_devices_own(talk: Talk) -> None:
    talk.ask("POST", "/mup", mirror())
    post = quantity(sets=reading_set("C1", 1), namespace=f" {SEP}")
    for method, body in (("GET", ""), ("POST", post), ("PUT", mirror()), ("DELETE", "")):
        assert talk.ask(method, "/mup/1", body, who=BOB).status == 403
        assert talk.ask(method, "/mup/9", body, who=BOB).status == 404


def test_a_mirror_is_put_anew_and_deleted_with_its_readings(talk: Talk) -> None:
    talk.ask("POST", "/mup", mirror(quantities=quantity(sets=reading_set("C1", 1))))
    assert talk.ask("PUT", "/mup/1", mirror(role="49")).status == 204
    assert talk.ask("PUT", "/mup/1", mirror("B7")).status == 403
    assert talk.texts("/mup/1", "//s:roleFlags") == ["0049"]
    assert talk.ask("DELETE", "/mup/1").status == 204
    assert talk.ask("POST", "/mup/1", quantity(namespace=f" {SEP}")).status == 404
    assert talk.done("GET", "/status")["kept"]["MirrorValue"] == 0


def test_only_the_newest_readings_are_kept(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocols.ieee2030_5.desk.mirrors.VALUES_KEPT", 3)
    sets = "".join(reading_set(f"C{one}", one) for one in range(5))
    talk.ask("POST", "/mup", mirror(quantities=quantity(sets=sets)))
    assert [value for _, value, _, _ in values(talk)] == [2, 3, 4]
    talk.ask("POST", "/mup/1", quantity(sets=reading_set("C9", 9), namespace=f" {SEP}"))
    assert [value for _, value, _, _ in values(talk)] == [3, 4, 9]


def test_mirrors_and_quantities_are_bounded(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocols.ieee2030_5.desk.mirrors.MIRRORS_PER_DEVICE", 1)
    monkeypatch.setattr("protocols.ieee2030_5.desk.mirrors.QUANTITIES_PER_MIRROR", 1)
    talk.ask("POST", "/mup", mirror())
    for path, body in (("/mup", mirror("B2")), ("/mup/1", quantity("A2", namespace=f" {SEP}"))):
        reply = talk.ask("POST", path, body)
        assert reply.status == 400
        assert b"<reasonCode>2</reasonCode>" in reply.body


def test_a_mirror_that_the_operator_deletes_is_404_and_is_made_anew_elsewhere(talk: Talk) -> None:
    for mrid in ("B1", "B2", "B3"):
        talk.ask("POST", "/mup", mirror(mrid))
    talk.ask("POST", "/mup/1", quantity(sets=reading_set("C1", 7), namespace=f" {SEP}"))
    talk.done("DELETE", "/mirrors/1")
    assert talk.ask("GET", "/mup/1").status == 404
    assert talk.ask("POST", "/mup/1", quantity(sets=reading_set("C2", 8), namespace=f" {SEP}")).status == 404
    assert talk.texts("/mup?l=9", "//s:MirrorUsagePoint/s:mRID") == ["B2", "B3"]
    reply = talk.ask("POST", "/mup", mirror("B1"))
    assert (reply.status, reply.location) == (201, "/mup/4")
    assert values(talk, 4) == []
    assert talk.tell("DELETE", "/mirrors") == (204, None)
    assert talk.get("/mup?l=9").get("all") == "0"
    assert talk.refusal("DELETE", "/mirrors/1") == (404, "no mirror 1")
