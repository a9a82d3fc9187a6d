"""The token's life, as a conversation with the VTN's token endpoint."""

from dataclasses import replace
from typing import Any

import pytest

from protocols.openadr3.desk.mischief import Mischief
from protocols.openadr3.desk.tokens import Access
from protocols.openadr3.desk.tree import Desk
from protocols.openadr3.session.terms import AuthStyle
from tests.protocols.openadr3.rig import BASE, CLIENTS, TERMS, Rig, gaps, in_3_0_1


def kinds(rig: Rig) -> list[str]:
    return [f"{one.method} {one.url.removeprefix(rig.terms.base).partition('?')[0]}" for _, one in rig.asked]


def test_3_1_is_asked_where_tokens_are() -> None:
    rig = Rig().settle()
    assert kinds(rig)[:2] == ["GET /auth/server", "POST /auth/token"]
    assert rig.read.complete


def test_3_0_1_has_its_tokens_at_its_own_address() -> None:
    rig = Rig(in_3_0_1()).settle()
    assert kinds(rig)[0] == "POST /auth/token"
    assert rig.read.complete


def test_a_configured_token_address_is_not_asked_for() -> None:
    rig = Rig(replace(TERMS, token_url=f"{BASE}/auth/token")).settle()
    assert kinds(rig)[0] == "POST /auth/token"


@pytest.mark.parametrize("status", [404, 501])
def test_without_an_answer_the_vtns_own_endpoint_is_taken(status: int) -> None:
    rig = Rig()
    rig.trick("status", "/auth/server", status=status)
    assert rig.settle().read.complete


@pytest.mark.parametrize("told", ["https://[", "//[", "https://]/", "ftp://elsewhere.example"])
def test_an_address_of_tokens_that_is_none_is_the_vtns_own(told: str) -> None:
    rig = Rig()
    rig.desk = Mischief(Desk(rig.terms.edition, Access(CLIENTS), base=told))
    assert rig.settle().read.complete


@pytest.mark.parametrize("status", [500, 503])
def test_a_vtn_that_fails_to_say_where_tokens_are_is_asked_again(status: int) -> None:
    rig = Rig()
    rig.trick("status", "/auth/server", status=status)
    rig.settle()
    assert set(kinds(rig)) == {"GET /auth/server"}
    rig.honest()
    assert rig.run(600.0).read.complete


def test_our_secret_never_goes_where_it_could_be_read() -> None:
    rig = Rig()
    rig.desk = Mischief(Desk(rig.terms.edition, Access(CLIENTS), base="http://elsewhere.example"))
    rig.settle()
    assert all(one.url.startswith(BASE) for _, one in rig.asked)


def test_a_vtn_without_authentication_is_sent_no_token() -> None:
    rig = Rig(replace(TERMS, auth=AuthStyle.NONE)).settle()
    assert rig.read.complete
    assert not any("auth" in one.url for _, one in rig.asked)
    assert not any(one.bearer for _, one in rig.asked)


@pytest.mark.parametrize(("style", "taste"), [(AuthStyle.BASIC, "basic-only"), (AuthStyle.BODY, "body-only")])
def test_credentials_by_basic_or_in_the_body(style: AuthStyle, taste: str) -> None:
    rig = Rig(replace(TERMS, auth=style))
    rig.trick(taste)
    assert rig.settle().read.complete
    (asked,) = [one for _, one in rig.asked if one.url.endswith("/auth/token")]
    secret_in_body = any(name == "client_secret" for name, _ in asked.form)
    assert secret_in_body is (style is AuthStyle.BODY)
    assert (asked.basic is not None) is (style is AuthStyle.BASIC)


@pytest.mark.parametrize(("style", "taste"), [(AuthStyle.BODY, "basic-only"), (AuthStyle.BASIC, "body-only")])
def test_the_wrong_way_is_said_to_whoever_can_mend_it(style: AuthStyle, taste: str) -> None:
    rig = Rig(replace(TERMS, auth=style))
    rig.trick(taste)
    rig.settle()
    assert "HTTP Basic or in the body" in rig.alarms["credentials"]


def test_a_token_is_renewed_before_it_expires() -> None:
    rig = Rig(access=Access(CLIENTS, life_s=600))
    rig.run(3600.0)
    times = rig.sent("/auth/token", "POST")
    assert all(480.0 <= gap <= 545.0 for gap in gaps(times))
    assert not [one for one in rig.raised if one.key in ("access", "credentials")]
    assert all(read.complete for read in rig.reads)


@pytest.mark.parametrize("refusal", ["401", "403"])
def test_an_expired_token_without_expires_in_is_renewed_on_refusal(refusal: str) -> None:
    """The reference VTN leaves expires_in out and answers 403 to a bad token."""
    rig = Rig(access=Access(CLIENTS, life_s=300))
    rig.trick("endless")
    if refusal == "403":
        rig.trick("forbids")
    rig.run(3600.0)
    assert len(rig.sent("/auth/token", "POST")) >= 8
    assert all(read.complete and not read.refused for read in rig.reads)
    assert len(rig.reads) >= 55
    assert not [one for one in rig.raised if one.key == "access"]


def test_a_wrong_secret_refuses_the_relation_and_is_not_hammered() -> None:
    rig = Rig(replace(TERMS, client_secret="wrong"))  # noqa: S106 - wrong on purpose
    rig.run(3600.0)
    assert [read.refused for read in rig.reads] == ["the token endpoint refuses our client id or secret"]
    assert len(rig.sent("/auth/token", "POST")) <= 8
    assert "check client_id and client_secret" in rig.alarms["credentials"]


def test_a_mended_secret_ends_the_refusal() -> None:
    rig = Rig()
    trick = rig.trick("status", "/auth/token", status=401)
    rig.run(60.0)
    assert rig.read.refused
    rig.desk.tricks.remove(trick)
    rig.run(700.0)
    assert rig.read.complete
    assert "credentials" not in rig.alarms
    assert "access" not in rig.alarms


def test_a_token_that_never_works_refuses_the_relation_and_is_not_hammered() -> None:
    rig = Rig()
    rig.trick("void", "/[!a]*")
    rig.run(3600.0)
    assert rig.read.refused
    assert "access" in rig.alarms
    assert len(rig.asked) <= 8 * 12
    assert len(rig.sent("/auth/token", "POST")) <= 8 * 5


def test_a_token_endpoint_that_is_down_is_asked_again_with_patience() -> None:
    rig = Rig()
    trick = rig.trick("status", "/auth/token", status=500)
    rig.run(1800.0)
    assert rig.reads == []
    assert "no token" in rig.alarms["token"]
    times = rig.sent("/auth/token", "POST")
    assert 6 <= len(times) <= 15
    rig.desk.tricks.remove(trick)
    rig.run(400.0)
    assert rig.read.complete
    assert "token" not in rig.alarms


@pytest.mark.parametrize("does", ["html", "nothing", "truncated", "deep"])
def test_a_token_endpoint_that_talks_nonsense_is_asked_again(does: str) -> None:
    rig = Rig()
    trick = rig.trick(does, "/auth/token")
    rig.run(120.0)
    assert rig.reads == []
    rig.desk.tricks.remove(trick)
    assert rig.run(400.0).read.complete


def test_the_scope_is_asked_for() -> None:
    rig = Rig(replace(TERMS, scope="read_targets read_ven_objects write_reports")).settle()
    (asked,) = [one for _, one in rig.asked if one.url.endswith("/auth/token")]
    assert ("scope", "read_targets read_ven_objects write_reports") in asked.form


def test_secrets_are_in_no_repr() -> None:
    rig = Rig().settle()
    assert "s3cret" not in repr(TERMS)
    assert all("s3cret" not in repr(one) and (not one.bearer or one.bearer not in repr(one)) for _, one in rig.asked)


def test_a_token_for_no_time_at_all_is_used_until_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a server that gives its life in another unit, tokens were asked for at the speed of the wire, and nothing else ever."""
    honest = Mischief.answer

    def brief(self: Mischief, asked: Any, utc_s: float, store: Any) -> Any:
        answer = honest(self, asked, utc_s, store)
        if not asked.path.endswith("/auth/token"):
            return answer
        return replace(answer, reply=replace(answer.reply, json={**answer.reply.json, "expires_in": 0.001}))

    monkeypatch.setattr(Mischief, "answer", brief)
    rig = Rig(access=Access(CLIENTS, life_s=600))
    rig.run(3600.0)
    assert len(rig.sent("/auth/token", "POST")) <= 7
    assert rig.read.complete
