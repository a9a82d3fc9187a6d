"""What brings us hints: a subscription with our webhook's address, and the VTN's MQTT broker. Both are kept up; neither is believed."""

from collections.abc import Callable
from dataclasses import replace

from grid_functions.model.errors import MalformedMessage
from protocols.exchange import Failed
from protocols.openadr3.session import pace, token
from protocols.openadr3.session.exchange import Listen, Method, Reply
from protocols.openadr3.session.state import ForNotifiers, ForSubscription, Stage, Upkeep
from protocols.openadr3.session.turn import Turn
from protocols.openadr3.wire import reader, writer
from protocols.openadr3.wire.edition import Edition
from protocols.openadr3.wire.objects import MqttMethod, Subscription

UPKEEP_S = 3600.0
"""How often it is looked whether the VTN still has our subscription, and where its broker is."""

_TOPICS = "/notifiers/mqtt/topics"


def send(turn: Turn) -> None:
    """Send what is due of the upkeep."""
    if turn.state.refused or not turn.state.reached:
        return
    if _wants_webhook(turn) and _is_due(turn, turn.state.subscription) and token.ready(turn):
        _subscribe(turn)
    if _wants_broker(turn) and _is_due(turn, turn.state.broker) and token.ready(turn):
        _ask_broker(turn)


def next_due(turn: Turn) -> float:
    """When the next of it is due, monotonic."""
    state, waits = turn.state, [float("inf")]
    if state.refused or not state.reached:
        return waits[0]
    if _wants_webhook(turn) and state.subscription.asked is None:
        waits.append(state.subscription.due_s)
    if _wants_broker(turn) and state.broker.asked is None:
        waits.append(state.broker.due_s)
    return min(waits)


def follow(turn: Turn) -> None:
    """Other programs are shown than before: subscriptions of 3.0.1 and the broker's topics are by program."""
    for name in ("broker",) if turn.state.terms.edition is Edition.V3_1 else ("subscription",):
        upkeep: Upkeep = getattr(turn.state, name)
        if upkeep.asked is None and upkeep.stage is Stage.IDLE and not upkeep.failures:
            turn.change(**{name: replace(upkeep, due_s=min(upkeep.due_s, turn.mono_s))})


def subscribed(turn: Turn, act: str, number: int, reply: Reply | Failed, bearer: str) -> None:
    """A step of the subscription's upkeep was answered, or not."""
    upkeep = turn.state.subscription
    if upkeep.asked != number:
        return
    upkeep = replace(upkeep, asked=None)

    def keep(changed: Upkeep) -> None:
        turn.change(subscription=changed)

    if not _answered(turn, upkeep, reply, bearer, keep, "subscription", act == "delete"):
        return
    assert isinstance(reply, Reply)
    match act:
        case "look":
            try:
                page = reader.page(reply.json, reader.subscription)
            except MalformedMessage as malformed:
                _later(turn, upkeep, str(malformed), keep, "subscription")
                return
            keep(_after_look(turn, upkeep, page.items))
        case "delete":
            keep(replace(upkeep, ids=upkeep.ids[1:], failures=0, due_s=turn.mono_s))
        case _:
            keep(replace(upkeep, wanted=upkeep.wanted[1:], failures=0, due_s=turn.mono_s))
    _settle(turn)


def told(turn: Turn, topic: str, number: int, reply: Reply | Failed, bearer: str) -> None:
    """GET /notifiers or one of its topics was answered, or not."""
    upkeep = turn.state.broker
    if upkeep.asked != number:
        return
    upkeep = replace(upkeep, asked=None)

    def keep(changed: Upkeep) -> None:
        turn.change(broker=changed)

    gone = bool(topic) and isinstance(reply, Reply) and reply.status in (403, 404, 501)
    if not gone and not _answered(turn, upkeep, reply, bearer, keep, "mqtt", False):
        return
    assert isinstance(reply, Reply)
    try:
        if topic:
            named = () if gone else reader.topics(reply.json)
            keep(replace(upkeep, wanted=upkeep.wanted[1:], topics=upkeep.topics + named, due_s=turn.mono_s))
        else:
            broker = reader.broker(reply.json)
            if broker is None:
                keep(Upkeep(due_s=turn.mono_s + UPKEEP_S))
                turn.alarm("mqtt", "the VTN names no MQTT broker; it is polled")
                return
            turn.change(broker_named=broker)
            keep(replace(upkeep, stage=Stage.LOOKED, wanted=_wanted_topics(turn), topics=(), due_s=turn.mono_s))
    except MalformedMessage as malformed:
        _later(turn, upkeep, str(malformed), keep, "mqtt")
        return
    _listen(turn)


def _subscribe(turn: Turn) -> None:
    upkeep, terms = turn.state.subscription, turn.state.terms
    assert terms.webhook is not None
    match upkeep.stage:
        case Stage.IDLE:
            pairs = (("clientName", terms.ven_name), ("skip", "0"), ("limit", str(terms.page)))
            number = turn.send(Method.GET, "/subscriptions", ForSubscription("look"), "subscriptions", query=pairs)
        case _ if upkeep.ids:
            path = f"/subscriptions/{upkeep.ids[0]}"
            number = turn.send(Method.DELETE, path, ForSubscription("delete"), "stale subscription")
        case _ if upkeep.wanted:
            program = upkeep.wanted[0]
            body = writer.subscription(
                terms.ven_name, program, terms.webhook.callback_url, terms.webhook.token, terms.edition
            )
            number = turn.send(Method.POST, "/subscriptions", ForSubscription("create"), "subscription", json=body)
        case _:
            turn.change(subscription=Upkeep())
            return
    turn.change(subscription=replace(turn.state.subscription, asked=number))


def _after_look(turn: Turn, upkeep: Upkeep, items: tuple[Subscription, ...]) -> Upkeep:
    """Ours with another address, or one too many, are deleted; what is missing is made.

    Interpretation: subscriptions are made anew in every run, since the VTN does not show whether their token is still ours.
    """
    terms = turn.state.terms
    assert terms.webhook is not None
    mine = tuple(
        one.id for one in items if one.client_name == terms.ven_name and terms.webhook.callback_url in one.urls
    )
    wanted = tuple(turn.state.programs) if terms.edition is Edition.V3_0_1 else ("",)
    if upkeep.made and len(mine) == len(wanted):
        return Upkeep(Stage.STANDING, turn.mono_s, made=True)
    return Upkeep(Stage.LOOKED, turn.mono_s, failures=upkeep.failures, ids=mine, wanted=wanted, made=True)


def _settle(turn: Turn) -> None:
    upkeep = turn.state.subscription
    if upkeep.stage is not Stage.IDLE and not upkeep.ids and not upkeep.wanted:
        turn.change(subscription=Upkeep(due_s=turn.mono_s + UPKEEP_S, made=True))
        turn.calm("subscription")


def _ask_broker(turn: Turn) -> None:
    upkeep = turn.state.broker
    if upkeep.stage is Stage.LOOKED and upkeep.wanted:
        topic = upkeep.wanted[0]
        number = turn.send(Method.GET, f"{_TOPICS}/{topic}", ForNotifiers(topic), f"topics of {topic}")
    else:
        number = turn.send(Method.GET, "/notifiers", ForNotifiers(), "notifiers")
    turn.change(broker=replace(turn.state.broker, asked=number))


def _wanted_topics(turn: Turn) -> tuple[str, ...]:
    """Of our own ven, which a VEN may always use, and of the programs followed."""
    ven = turn.state.enrolment.ven
    own = (f"vens/{ven.id}/events", f"vens/{ven.id}/programs") if ven is not None else ()
    return own + tuple(f"programs/{program}/events" for program in turn.state.programs)


def _listen(turn: Turn) -> None:
    upkeep, broker = turn.state.broker, turn.state.broker_named
    if upkeep.stage is not Stage.LOOKED or upkeep.wanted or broker is None:
        return
    turn.change(broker=Upkeep(due_s=turn.mono_s + UPKEEP_S))
    topics = tuple(dict.fromkeys(upkeep.topics))
    if not topics:
        turn.alarm("mqtt", "the VTN names no MQTT topics for us; it is polled")
        return
    named = broker.method is MqttMethod.OAUTH2_BEARER_TOKEN
    username = broker.username.replace("{clientID}", turn.state.terms.client_id) if named else ""
    turn.outputs.append(Listen(broker, topics, username, turn.state.grant.token if named else ""))


def _wants_webhook(turn: Turn) -> bool:
    """A subscription is made only once the address in it is served: VTNs try it at once."""
    return turn.state.terms.webhook is not None and "webhook" in turn.state.hints


def _wants_broker(turn: Turn) -> bool:
    return turn.state.terms.mqtt and turn.state.terms.edition is Edition.V3_1


def _is_due(turn: Turn, upkeep: Upkeep) -> bool:
    return upkeep.asked is None and upkeep.due_s <= turn.mono_s


def _answered(
    turn: Turn,
    upkeep: Upkeep,
    reply: Reply | Failed,
    bearer: str,
    keep: Callable[[Upkeep], None],
    key: str,
    gone_is_good: bool,
) -> bool:
    """Whether it went well; else it is tried later."""
    if isinstance(reply, Failed):
        _later(turn, upkeep, reply.why, keep, key)
        return False
    if reply.status in (401, 403) and token.dropped(turn, bearer):
        _later(turn, upkeep, f"status {reply.status}", keep, key)
        return False
    if not reply.good and not (gone_is_good and reply.status == 404):
        why = f"status {reply.status} {reader.problem(reply.json)}".strip()
        _later(turn, upkeep, reply.fault or why, keep, key, reply.retry_s)
        return False
    return True


def _later(turn: Turn, upkeep: Upkeep, why: str, keep: Callable[[Upkeep], None], key: str, wait_s: float = 0.0) -> None:
    failures = upkeep.failures + 1
    wait = max(wait_s, pace.backoff(failures, turn.dice, least_s=10.0, most_s=pace.REFUSED_S))
    keep(Upkeep(due_s=turn.mono_s + wait, failures=failures))
    if failures >= 2:
        turn.alarm(key, f"no hints by {key} ({why}); the VTN is polled, and asked again")
