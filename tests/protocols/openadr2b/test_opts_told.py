"""What the site tells of an occupant's opt goes one way alone: by EiOpt where the terms say so, else as an answer to the event."""

import asyncio
from dataclasses import replace

import pytest

from grid_functions.model.event import EventKey
from grid_functions.model.instants import Moment
from grid_functions.model.outcome import Outcome, OutcomeKind
from protocols.openadr2b.client import Client2b
from protocols.openadr2b.session.terms import OptBy, Terms
from tests.protocols.openadr2b.vtn import POLICY, Kept, Low, Wall

TERMS = Terms(name="vtn", url="http://127.0.0.1:1/OpenADR2/Simple/2.0b", ven_name="depot")


def client(opt_by: OptBy) -> Client2b:
    """A VEN whose session is not held now."""
    terms = replace(TERMS, opt_by=opt_by)
    return Client2b(terms, policy=POLICY, ssl_context=None, memory=Kept(), clock=Wall(), dice=Low())


def told(kind: OutcomeKind) -> Outcome:
    """An outcome of some event."""
    return Outcome(EventKey(TERMS.respondent(""), "e1"), kind, Moment("vtn", 0.0))


@pytest.mark.parametrize("kind", [OutcomeKind.OPTED_OUT, OutcomeKind.OPTED_IN])
async def test_by_ei_opt_the_session_has_it_and_no_answer_is_waited_for(kind: OutcomeKind) -> None:
    async with asyncio.timeout(5.0):
        await client(OptBy.EI_OPT).tell(told(kind))


@pytest.mark.parametrize(
    ("opt_by", "kind"),
    [(OptBy.CREATED_EVENT, OutcomeKind.OPTED_OUT), (OptBy.EI_OPT, OutcomeKind.RECEIVED)],
)
async def test_everything_else_waits_until_the_vtn_has_taken_it(opt_by: OptBy, kind: OutcomeKind) -> None:
    waiting = asyncio.create_task(client(opt_by).tell(told(kind)))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()
