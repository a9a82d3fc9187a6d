"""Rule 3, as far as limits and targets go without a function for targets: opt-outs, and who wins a contest."""

from dataclasses import dataclass, replace

import pytest

from grid_functions.machines import Machine
from grid_functions.model.claim import Claim, Devices, LossReason, SourceKind, Target
from grid_functions.model.control import ExportLimit, Mode, TargetPower, mode_of
from grid_functions.model.device import Ability, Capability, How, Role
from grid_functions.model.event import EventKey
from grid_functions.model.function import SiteInputs, Step
from grid_functions.model.instants import Instants
from grid_functions.model.policy import OptOut
from grid_functions.model.units import Quantity
from grid_functions.timeline.state import Opt
from tests.grid_functions.house import UTILITY, seen, terms
from tests.scenarios.decide.site import AGGREGATOR, Site, event, policy, produce

ONE = {"a": Role.PV}


@dataclass(frozen=True, slots=True)
class Wishes:
    """A function that claims every target in force, over all devices."""

    options: None = None

    def empty(self) -> int:
        """Nothing."""
        return 0

    def step(self, state: int, inputs: SiteInputs, now: Instants) -> Step[int]:
        """One claim each."""
        claims = []
        for held in inputs.in_force:
            if isinstance(held.control, TargetPower):
                want = Target(held.control.power_w)
                scope = Devices(frozenset(inputs.terms.devices))
                claims.append(Claim(scope, Quantity.NET, want, want, mode_of(held.control), held))
        return Step(state, tuple(claims))


@pytest.mark.parametrize(("opt_out", "limit_w"), [(OptOut.NONE, 1000.0), (OptOut.TARGETS, 1000.0), (OptOut.ALL, None)])
def test_an_opt_out_drops_a_limit_only_where_its_upstream_allows(opt_out: OptOut, limit_w: float | None) -> None:
    site = Site([seen("a")], terms(ONE), {UTILITY: policy(opt_out=opt_out)})
    site.tick(0.0, site.read(0.0, event("e", ExportLimit(1000.0))))
    assert produce(site.tick(1.0, words=(Opt(EventKey(UTILITY, "e"), out=True),))) == {"a": limit_w}


@pytest.mark.parametrize(
    ("precedence", "winner"),
    [
        ((SourceKind.OPERATOR, SourceKind.IEEE2030_5, SourceKind.OPENADR), UTILITY),
        ((SourceKind.OPERATOR, SourceKind.OPENADR, SourceKind.IEEE2030_5), AGGREGATOR),
    ],
)
def test_a_target_wins_by_the_sites_precedence_of_its_source(
    precedence: tuple[SourceKind, ...], winner: object
) -> None:
    functions: dict[str, Machine] = {"wishes": Wishes()}
    policies = {UTILITY: policy(), AGGREGATOR: policy(AGGREGATOR, SourceKind.OPENADR)}
    both = dict.fromkeys((UTILITY, AGGREGATOR), frozenset({"a"}))
    steered = Capability({Mode.TARGET_POWER: Ability(How.NATIVE)})
    site = Site(
        [seen("a", capability=steered)],
        replace(terms(ONE), precedence=precedence, respondents=both),
        policies,
        functions,
    )
    utility = site.read(0.0, event("u", TargetPower(-2000.0), level=9.0))
    aggregator = site.read(0.0, event("v", TargetPower(-500.0), respondent=AGGREGATOR), respondent=AGGREGATOR)
    for reads in ((utility, aggregator), (aggregator, utility)):
        ruling = replace(site).tick(0.0, *reads).ruling
        assert [one.cause.source.respondent for one in ruling.winners] == [winner]
        assert [loss.why for loss in ruling.losses if isinstance(loss.claim.want, Target)] == [LossReason.PRECEDENCE]
