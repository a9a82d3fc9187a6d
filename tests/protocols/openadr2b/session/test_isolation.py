"""Whatever sets of events a VTN shows, one after the other: no event's fate depends on another's (rule 19)."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grid_functions.model.event import EventStatus
from protocols.openadr2b.wire.events import OadrEvent, Target
from tests.protocols.openadr2b.samples import event, signal
from tests.protocols.openadr2b.session.rig import Talk, Vtn, cancelled, modified

NAMES = ("a", "b", "c")
KEEPER = event("keeper")


def bad(name: str, number: int, how: int) -> OadrEvent:
    """Refused for one reason or another."""
    told = (
        event(name, signal("x-ours", "level")),
        event(name, target=Target(venID=("else",))),
        event(name, signal("SIMPLE", "level", 9.0)),
        event(name, duration=-1.0),
    )[how]
    return modified(told, number)


shown = st.one_of(
    st.builds(lambda name, number: modified(event(name), number), st.sampled_from(NAMES), st.integers(0, 3)),
    st.builds(lambda name, number: cancelled(event(name), number), st.sampled_from(NAMES), st.integers(0, 3)),
    st.builds(bad, st.sampled_from(NAMES), st.integers(0, 3), st.integers(0, 3)),
)
sets = st.lists(st.lists(shown, max_size=4), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sets)
def test_no_event_is_touched_by_another(told: list[list[OadrEvent]]) -> None:
    talk = Talk(Vtn(events=[KEEPER])).run()
    for number, others in enumerate(told):
        request = f"r{number}"
        talk.vtn.asked.clear()
        talk.vtn.show(*others, KEEPER, request=request)
        talk.run(11.0)
        kept = talk.events["keeper"]
        assert (kept.version, kept.status) == (0, EventStatus.SCHEDULED)
        answers = [answer for answer in talk.vtn.answers if answer.requestID == request]
        mine = [answer for answer in answers if answer.eventID == "keeper"]
        assert [(one.responseCode, one.optType) for one in mine] == [(200, "optIn")]
        best: dict[str, OadrEvent] = {}
        for each in others:
            known = best.get(each.descriptor.eventID)
            if known is None or each.descriptor.modificationNumber > known.descriptor.modificationNumber:
                best[each.descriptor.eventID] = each
        # every event that was shown is answered once, with the number it was shown under
        assert sorted((one.eventID, one.modificationNumber) for one in answers if one.eventID != "keeper") == sorted(
            (name, each.descriptor.modificationNumber) for name, each in best.items()
        )
        assert all((one.responseCode == 200) or one.optType == "optOut" for one in answers)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sets, st.integers(0, 4))
def test_a_restart_anywhere_changes_no_answer(told: list[list[OadrEvent]], at: int) -> None:
    def lived(restart: int | None) -> list[tuple[str, int, int, str]]:
        vtn, memory = Vtn(events=[KEEPER]), dict[str, tuple[int, bytes]]()
        talk = Talk(vtn, memory=memory).run()
        for number, others in enumerate(told):
            vtn.show(*others, KEEPER, request=f"r{number}")
            if number == restart:
                now = talk.mono_s, talk.utc_s
                vtn.outbox.clear()  # the new run asks for all by itself
                talk = Talk(vtn, memory=talk.memory)
                talk.mono_s, talk.utc_s = now
            talk.run(11.0)
        last = f"r{len(told) - 1}"
        ids = {last, "sync"} if restart == len(told) - 1 else {last}
        found = {one.eventID: one for one in vtn.answers if one.requestID in ids}
        return sorted((a.eventID, a.modificationNumber, a.responseCode, a.optType) for a in found.values())

    assert lived(None) == lived(min(at, len(told) - 1))
