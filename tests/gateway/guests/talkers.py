"""Two plug-ins that talk: one of an area, that asks its members and divides what a solver finds, and one of a site, that answers."""

from dataclasses import dataclass, field, replace

from grid_functions import letters
from grid_functions.building.program import Draft, Problem, Solution
from grid_functions.catalogue import Maker
from grid_functions.letters import Way
from grid_functions.model.control import ImportLimit, Mode
from grid_functions.model.function import AreaInputs, Ask, Output, Receipt, SiteInputs, Step
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Grant
from grid_functions.model.units import Quantity

ASKER, ANSWERER = "asker", "answerer"


@dataclass(frozen=True, slots=True)
class Begin:
    """An order: ask everybody, and give each ``times`` what it said."""

    times: float = 1.0


@dataclass(frozen=True, slots=True)
class Question:
    """How much do you take?"""

    round: int


@dataclass(frozen=True, slots=True)
class Reply:
    """So much, W."""

    round: int
    power_w: float


CHANNELS: letters.Channels = {
    (ASKER, Way.ORDER): {"begin": (Begin, 64)},
    (ASKER, Way.DOWN): {"question": (Question, 64)},
    (ASKER, Way.UP): {"reply": (Reply, 128)},
}


@dataclass(frozen=True, slots=True)
class Options:
    """None."""


@dataclass(frozen=True, slots=True)
class AskerState:
    """``round``: how often it has asked."""

    round: int = 0
    times: float = 1.0


@dataclass(frozen=True, slots=True)
class Asker:
    """The area's."""

    options: Options = field(default_factory=Options)

    def empty(self) -> AskerState:
        """At birth."""
        return AskerState()

    def step(self, state: AskerState, inputs: AreaInputs, now: Instants) -> Step[AskerState]:
        """Order, question, reply, problem, answer, grant."""
        outputs: list[Output] = [Receipt(Mode.LOAD_DISPATCH)]
        for order in inputs.orders:
            begin = letters.read(order, Way.ORDER, CHANNELS)
            state = replace(state, round=state.round + 1, times=begin.times)
            question = Question(state.round)
            outputs += [
                letters.write(question, ASKER, member, ASKER, str(state.round), CHANNELS) for member in inputs.enrolled
            ]
        for message in inputs.messages:
            reply = letters.read(message, Way.UP, CHANNELS)
            draft = Draft()
            draft.block(1, reply.power_w * state.times, 1e9, 1.0)
            deadline = Moment(OWN, now.utc_s + 20.0)
            outputs.append(Ask(message.sender, Problem(draft.program(), draft.cost), deadline))
        for answer in inputs.answers:
            assert isinstance(answer.solution, Solution)
            outputs.append(Grant(answer.id, "share", (ImportLimit(float(answer.solution.x[0])),)))
        return Step(state, tuple(outputs))


@dataclass(frozen=True, slots=True)
class AnswererState:
    """Nothing."""


@dataclass(frozen=True, slots=True)
class Answerer:
    """The site's."""

    options: Options = field(default_factory=Options)

    def empty(self) -> AnswererState:
        """At birth."""
        return AnswererState()

    def step(self, state: AnswererState, inputs: SiteInputs, now: Instants) -> Step[AnswererState]:
        """What its meter shows, to whoever asks."""
        outputs: list[Output] = [
            Receipt(Mode.STORAGE_POWER),
            Receipt(Mode.SHED_LEVEL, "there are no levels here"),
        ]
        net = inputs.snapshot.meter.get((Quantity.NET, None))
        for message in inputs.messages:
            question = letters.read(message, Way.DOWN, CHANNELS)
            reply = Reply(question.round, 0.0 if net is None else net.value)
            site = inputs.terms.name
            outputs.append(letters.write(reply, ASKER, message.sender, site, message.id, CHANNELS))
        return Step(state, tuple(outputs))


ASKER_MAKER = Maker(ASKER, Options, Asker, CHANNELS)
ANSWERER_MAKER = Maker(ANSWERER, Options, Answerer, CHANNELS)
