"""What sessions of both OpenADRs share: respondents by resource, and how their timelines run."""

from collections.abc import Mapping

from adapters.doorway import Doorway
from gateway.config.upstreams import OpenAdr2bUpstream, OpenAdr3Upstream
from gateway.sessions.fail_safe import controls_of
from gateway.sessions.spec import UpstreamSpec
from grid_functions.model.claim import Source, SourceKind
from grid_functions.model.event import Respondent
from grid_functions.model.policy import Policy, Vanished

CALLERS = 64
"""Connections at once at a webhook or at where a VTN pushes; it needs one. Each is a file, of which devices and ledger need theirs."""


def callers(patience_s: float) -> Doorway:
    """What that stands behind: nobody is kept out by a crowd, the pushiest of whom go."""
    return Doorway(CALLERS, patience_s, room=CALLERS)


def resources(spec: UpstreamSpec) -> Mapping[str, frozenset[str]]:
    """The devices of each resource, "" being the whole VEN; of all sites together."""
    return {served.resource: served.devices for served in spec.serves}


def policy_of(upstream: OpenAdr2bUpstream | OpenAdr3Upstream, respondent: Respondent) -> Policy:
    """OpenADR: the loser resumes, and what is no longer shown is cancelled (2.0b rule 61; 3: there is no other cancellation)."""
    return Policy(
        clock=upstream.name,
        source=Source(SourceKind.OPENADR, upstream.name, respondent),
        final=False,
        vanished=Vanished.CANCEL,
        opt_out=upstream.opt_out,
        fail_safe=controls_of(upstream.fail_safe),
        fail_safe_after_s=upstream.fail_safe.after_s,
    )
