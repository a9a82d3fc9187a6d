"""A server that misbehaves on request: each trick, whom it strikes and how often, and that nothing of it is on unasked."""

from io import BytesIO
from typing import Any

import pytest
from lxml import etree

from protocols.ieee2030_5.desk.mischief import TRICKS
from protocols.ieee2030_5.wire.reader import MalformedBody, decode
from tests.protocols.ieee2030_5.desk.talk import ALICE, BOB, NOON, NS, SEP, Talk, add_control, with_alice

CONTROLS = "/derp/1/derc"
POSTED = (
    f"<DERControlResponse {SEP}><createdDateTime>{NOON}</createdDateTime><endDeviceLFDI>{ALICE}</endDeviceLFDI>"
    "<status>1</status><subject>%s</subject></DERControlResponse>"
)


@pytest.fixture
def talk() -> Talk:
    return with_alice()


def play(talk: Talk, does: str, **fields: Any) -> int:
    number: int = talk.done("POST", "/mischief", {"does": does, **fields})["number"]
    return number


def page(talk: Talk, query: str = "l=10") -> tuple[str | None, str | None, list[str]]:
    """all, results and the items' mRIDs of the list of controls."""
    root = etree.fromstring(talk.ask("GET", f"{CONTROLS}?{query}").body)
    return root.get("all"), root.get("results"), [one.findtext("s:mRID", None, NS) or "" for one in root]


def test_nothing_is_on_unasked_and_everything_can_be_taken_back(talk: Talk) -> None:
    assert talk.done("GET", "/mischief") == []
    honest = talk.ask("GET", "/dcap")
    for does in sorted(TRICKS):
        play(talk, does, **({"by_s": 1} if does == "delay" else {}))
    assert talk.ask("GET", "/dcap") != honest
    assert talk.tell("DELETE", "/mischief") == (204, None)
    assert talk.ask("GET", "/dcap") == honest


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_an_error_is_answered_without_a_body_and_nothing_is_taken(talk: Talk, status: int) -> None:
    control = add_control(talk)
    play(talk, "status", status=status)
    for method, path, body in (("GET", "/dcap", ""), ("POST", "/rsps/1/rsp", POSTED % control["mRID"])):
        reply = talk.ask(method, path, body)
        assert (reply.status, reply.body, reply.cut) == (status, b"", False)
    assert talk.done("GET", "/responses") == []


def test_a_request_may_be_taken_and_still_be_answered_with_an_error(talk: Talk) -> None:
    """The duplicate that a client makes of it afterwards shows in the table."""
    control = add_control(talk)
    play(talk, "status", path="/rsps/*", method="POST", times=1, taken=True)
    assert [talk.ask("POST", "/rsps/1/rsp", POSTED % control["mRID"]).status for _ in range(2)] == [500, 201]
    assert [one["status"] for one in talk.done("GET", "/responses")] == [1, 1]


def test_a_forgetful_server_says_yes_and_keeps_nothing(talk: Talk) -> None:
    control = add_control(talk)
    play(talk, "forget", path="/rsps/*")
    reply = talk.ask("POST", "/rsps/1/rsp", POSTED % control["mRID"])
    assert (reply.status, reply.location) == (201, "/rsps/1/rsp/1")
    assert talk.done("GET", "/responses") == []
    # What is not in order is refused all the same, so that a peer cannot tell.
    assert talk.ask("POST", "/rsps/1/rsp", (POSTED % control["mRID"]).replace(ALICE, BOB)).status == 403


class TestWhom:
    """Path, method, device, skip, times and for_s."""

    def test_by_path_and_method(self, talk: Talk) -> None:
        play(talk, "status", path="/derp/*/derc", method="GET")
        statuses = [talk.ask(*one).status for one in (("GET", CONTROLS), ("GET", "/derp/1"), ("PUT", CONTROLS))]
        assert statuses == [500, 200, 405]

    def test_by_device(self, talk: Talk) -> None:
        play(talk, "status", device=2)
        assert (talk.ask("GET", "/dcap").status, talk.ask("GET", "/dcap", who=BOB.lower()).status) == (200, 500)

    def test_so_many_times_after_so_many_spared(self, talk: Talk) -> None:
        number = play(talk, "status", path="/tm", skip=2, times=3)
        assert [talk.ask("GET", "/tm").status for _ in range(7)] == [200, 200, 500, 500, 500, 200, 200]
        assert talk.done("GET", f"/mischief/{number}")["struck"] == 3

    def test_for_a_time(self, talk: Talk) -> None:
        play(talk, "status", for_s=60)
        found = []
        for now_s in (NOON, NOON + 59.9, NOON + 60):
            talk.now_s = now_s
            found.append(talk.ask("GET", "/tm").status)
        assert found == [500, 500, 200]

    def test_the_operator_is_always_heard(self, talk: Talk) -> None:
        play(talk, "cut", path="*")
        assert talk.done("GET", "/status")["kept"]["Trick"] == 1


def test_a_cut_comes_at_once_or_in_the_middle(talk: Talk) -> None:
    whole = talk.ask("GET", "/dcap").body
    play(talk, "cut", path="/tm")
    play(talk, "half", path="/dcap")
    at_once, halfway = talk.ask("GET", "/tm"), talk.ask("GET", "/dcap")
    assert (at_once.cut, at_once.body) == (True, b"")
    assert (halfway.cut, halfway.body) == (True, whole)


def test_a_delay_is_added_to_whatever_else_is_done(talk: Talk) -> None:
    play(talk, "delay", by_s=3)
    play(talk, "status", status=503, path="/tm")
    assert [(talk.ask("GET", path).status, talk.ask("GET", path).wait_s) for path in ("/dcap", "/tm")] == [
        (200, 3.0),
        (503, 3.0),
    ]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_leads_to_where_it_is_served(talk: Talk, status: int) -> None:
    honest = talk.ask("GET", "/edev?l=9").body
    play(talk, "redirect", status=status)
    reply = talk.ask("GET", "/edev?l=9")
    assert (reply.status, reply.location, reply.body) == (status, "/moved/edev?l=9", b"")
    assert talk.ask("GET", reply.location or "").body == honest


def test_a_redirect_may_lead_anywhere_and_in_circles(talk: Talk) -> None:
    play(talk, "redirect", path="/tm", location="https://elsewhere.example/tm")
    play(talk, "redirect", path="/dcap", location="/dcap")
    assert [talk.ask("GET", path).location for path in ("/tm", "/dcap")] == ["https://elsewhere.example/tm", "/dcap"]


def test_nothing_is_moved_without_a_redirect(talk: Talk) -> None:
    assert talk.ask("GET", "/moved/dcap").status == 404


@pytest.mark.parametrize("does", ["bomb", "doctype", "deep", "truncated", "namespace", "html"])
@pytest.mark.parametrize("path", ["/dcap", CONTROLS])
def test_hostile_documents_are_what_a_careful_reader_refuses(talk: Talk, does: str, path: str) -> None:
    """Each is refused by our own hardened reader, whole."""
    play(talk, does)
    reply = talk.ask("GET", path)
    assert reply.status == 200
    with pytest.raises(MalformedBody):
        decode(reply.body)


def test_a_bomb_is_one_and_a_deep_one_is_64_deep(talk: Talk) -> None:
    add_control(talk)
    play(talk, "bomb", path=CONTROLS)
    bomb = talk.ask("GET", CONTROLS).body
    assert bomb.count(b"<!ENTITY") == 9
    assert b"&i;</DERControlList>" in bomb
    play(talk, "deep", path="/tm")
    depth, deepest = 0, 0
    for event, _ in etree.iterparse(_file(talk.ask("GET", "/tm").body), events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
    assert deepest == 1 + 64


def test_a_large_document_is_whole_and_ten_megabytes_long(talk: Talk) -> None:
    play(talk, "large")
    for path in ("/tm", CONTROLS):
        body = talk.ask("GET", path).body
        assert len(body) > 10_000_000
        etree.fromstring(body, etree.XMLParser(huge_tree=True))


def test_nothing_is_204_without_a_body(talk: Talk) -> None:
    play(talk, "nothing", path=CONTROLS)
    reply = talk.ask("GET", CONTROLS)
    assert (reply.status, reply.body, reply.content_type) == (204, b"", None)


class TestLyingLists:
    """Three controls, in the order 1, 2, 3."""

    @pytest.fixture
    def mrids(self, talk: Talk) -> list[str]:
        return [add_control(talk, start_s=NOON + 1000 * number)["mRID"] for number in range(3)]

    @pytest.mark.parametrize(
        ("does", "all_", "results", "items"),
        [
            ("more", "10", "3", [0, 1, 2]),
            ("fewer", "0", "3", [0, 1, 2]),
            ("repeated", "3", "4", [0, 1, 2, 0]),
            ("short", "3", "1", [0]),
            ("empty", "0", "0", []),
            ("hollow", "3", "0", []),
        ],
    )
    def test_a_lie(self, talk: Talk, mrids: list[str], does: str, all_: str, results: str, items: list[int]) -> None:
        play(talk, does, path=CONTROLS)
        assert page(talk) == (all_, results, [mrids[index] for index in items])

    def test_the_first_page_again_and_again(self, talk: Talk, mrids: list[str]) -> None:
        play(talk, "stuck")
        assert [page(talk, f"s={start}&l=1")[2] for start in range(3)] == [[mrids[0]]] * 3

    def test_what_is_no_list_is_left_alone(self, talk: Talk) -> None:
        honest = talk.ask("GET", "/tm").body
        play(talk, "empty")
        assert talk.ask("GET", "/tm").body == honest


def test_the_clock_moves_for_all_or_for_time_alone(talk: Talk) -> None:
    add_control(talk, start_s=NOON + 60)
    number = play(talk, "clock", by_s=-3600)
    assert talk.texts("/tm", "//s:currentTime") == [str(NOON - 3600)]
    talk.done("DELETE", f"/mischief/{number}")
    play(talk, "clock", path="/tm", by_s=120)
    assert talk.texts("/tm", "//s:currentTime") == [str(NOON + 120)]
    assert talk.texts(f"{CONTROLS}/1", "//s:currentStatus") == ["0"]


def test_the_active_list_lags(talk: Talk) -> None:
    """It shows what ran ten seconds ago: nothing yet at the start, still something after the end."""
    add_control(talk, start_s=NOON + 60, duration_s=60)
    play(talk, "clock", path="*/actderc", by_s=-10)
    found = []
    for now_s in (NOON + 60, NOON + 70, NOON + 129, NOON + 130):
        talk.now_s = now_s
        listed = (talk.get(f"/derp/1/{name}").get("all") for name in ("derc", "actderc"))
        found.append(tuple(listed))
    assert found == [("1", "0"), ("1", "1"), ("0", "1"), ("0", "0")]


def test_the_pin_is_another_one_while_it_lasts_and_the_true_one_afterwards(talk: Talk) -> None:
    play(talk, "pin", path="/edev/1/rg", times=1)
    assert [talk.texts("/edev/1/rg", "//s:pIN") for _ in range(2)] == [["111125"], ["111115"]]
    # A write while the trick is on keeps the true one.
    play(talk, "pin")
    body = "<ConnectionPoint xmlns='https://csipaus.org/ns'><connectionPointId>1</connectionPointId></ConnectionPoint>"
    assert talk.ask("PUT", "/edev/1/cp", body).status == 201
    assert talk.done("GET", "/devices/1")["pin"] == 111115


def test_the_time_of_making_moves_as_some_servers_have_it(talk: Talk) -> None:
    add_control(talk, start_s=NOON)
    talk.now_s = NOON + 5
    add_control(talk, start_s=NOON)
    talk.now_s = NOON + 9
    talk.done("POST", "/controls/2/cancel")
    told = "//s:creationTime"
    assert (talk.texts(f"{CONTROLS}/1", told), talk.texts(f"{CONTROLS}/2", told)) == ([str(NOON)], [str(NOON + 5)])
    play(talk, "creation")
    assert (talk.texts(f"{CONTROLS}/1", told), talk.texts(f"{CONTROLS}/2", told)) == ([str(NOON + 5)], [str(NOON + 9)])


def test_controls_vanish_without_being_cancelled_and_are_answered_all_the_same(talk: Talk) -> None:
    control = add_control(talk)
    play(talk, "vanish")
    assert page(talk) == ("0", "0", [])
    assert talk.ask("GET", f"{CONTROLS}/1").status == 404
    assert talk.ask("POST", "/rsps/1/rsp", POSTED % control["mRID"]).status == 201


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "does: is missing"),
        ({"does": "dance"}, "does: 'dance' is none of bomb, clock,"),
        ({"does": 1}, "does: 1 is"),
        ({"does": "status", "status": 200}, "status: 200 is no error of HTTP"),
        ({"does": "status", "status": 70000}, "status: 70000 is not"),
        ({"does": "redirect", "status": 500}, "status: 500 is none of 301, 302, 303, 307, 308"),
        ({"does": "html", "status": 500}, "status: means nothing to html, only to status, redirect"),
        ({"does": "status", "location": "/x"}, "location: means nothing to status"),
        ({"does": "cut", "by_s": 5}, "by_s: means nothing to cut"),
        ({"does": "vanish", "taken": True}, "taken: means nothing to vanish"),
        ({"does": "delay"}, "by_s: a delay takes 1 to 600 s"),
        ({"does": "delay", "by_s": 601}, "by_s: a delay takes 1 to 600 s"),
        ({"does": "cut", "path": "derp"}, "path: 'derp' begins neither with / nor with *"),
        ({"does": "cut", "device": 9}, "device: no device 9"),
        ({"does": "cut", "for_s": 0}, "for_s: 0 is not a whole number of seconds"),
        ({"does": "cut", "for_s": True}, "for_s: True is not a whole number of seconds"),
        ({"does": "cut", "times": -1}, "times: -1 is not"),
        ({"does": "cut", "met": 3}, "met: cannot be set here"),
    ],
)
def test_a_trick_that_cannot_be_is_refused_and_nothing_is_on(talk: Talk, body: dict[str, Any], reason: str) -> None:
    status, error = talk.refusal("POST", "/mischief", body)
    assert (status, error[: len(reason)]) == (400, reason)
    assert talk.done("GET", "/mischief") == []


def _file(body: bytes) -> BytesIO:
    return BytesIO(body)
