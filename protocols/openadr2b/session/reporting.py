"""Reports: what is due is written, kept until the VTN took it, and told again after an outage (rules 301 to 336)."""

from dataclasses import replace

from protocols.openadr2b.session import polling, requests, stock
from protocols.openadr2b.session.requests import Asked
from protocols.openadr2b.session.state import ForReport
from protocols.openadr2b.session.turn import Turn
from protocols.openadr2b.translate import reports
from protocols.openadr2b.translate.reports import HISTORY, Stretch, metadata
from protocols.openadr2b.wire.events import EiResponse
from protocols.openadr2b.wire.messages import Service
from protocols.openadr2b.wire.reports import OadrRegisterReport, OadrUpdateReport


def write_due(turn: Turn) -> None:
    """Write reports whose stretch is over; what is more than one step may write is due in the next one."""
    now_s = turn.server_s
    turn.change(requests=requests.caught_up(turn.state.requests, now_s))
    values = 0
    while late := requests.due(turn.state.requests, now_s):
        for one in late:
            values += _write(turn, one)
            turn.change(requests=requests.told(turn.state.requests, one))
            if values > _MOST_AT_ONCE:
                return


def tell_metadata(turn: Turn, request_id: str) -> None:
    """Our metadata again, as they were asked for (rule 327)."""
    state = turn.state
    told = metadata(state.terms, state.ven_id, turn.server_s)
    message = OadrRegisterReport(
        requestID=turn.request_id(), reports=told, venID=state.ven_id, reportRequestID=request_id
    )
    turn.post(Service.REPORT, message)


def send(turn: Turn) -> None:
    """The oldest report that waits."""
    waiting = turn.state.stock.unsent
    if waiting and turn.state.upload is None and turn.state.upload_due_s <= turn.mono_s:
        message = replace(waiting[0].message, venID=turn.state.ven_id)
        turn.send(message, ForReport(waiting[0].serial), "report")


def settled(turn: Turn, serial: int, response: EiResponse | None) -> None:
    """The VTN answered a report; None = it refused to read it."""
    turn.change(stock=stock.settled(turn.state.stock, serial), upload_failures=0, upload_due_s=turn.mono_s)
    if response is not None and response.good:
        turn.calm("report")
    else:
        why = "cannot read it" if response is None else f"{response.responseCode} {response.responseDescription or ''}"
        turn.alarm("report", f"the VTN refuses a report: {why}".rstrip())


def held_up(turn: Turn, wait_s: float, stumbled: int | None = None) -> None:
    """Nobody took a report: it waits. ``stumbled``: the VTN answered, but not well: that one goes behind the others."""
    if stumbled is not None:
        turn.change(stock=stock.put_back(turn.state.stock, stumbled))
    failures = turn.state.upload_failures + 1
    pace = polling.pace(turn.state.registration.poll_s, turn.state.terms)
    wait = max(polling.backoff(failures, pace, turn.dice), wait_s)
    turn.change(upload_failures=failures, upload_due_s=turn.mono_s + wait)


def next_due_s(turn: Turn) -> float:
    """When a report is to be written or sent, monotonic."""
    state = turn.state
    written = requests.next_due_s(state.requests) - turn.server_s + turn.mono_s
    sent = state.upload_due_s if state.stock.unsent and state.upload is None else float("inf")
    return min(written, sent)


_MOST_AT_ONCE = 2000
"""Values; a step is to take milliseconds."""


def _write(turn: Turn, one: Asked) -> int:
    """Write one report; how many values it has."""
    state, until_s = turn.state, one.next_s
    length = until_s - one.told_s
    if one.once:
        granularity = (
            one.granularity_s if one.request.reportSpecifierID == HISTORY and one.request.granularity else length
        )
    else:
        granularity = 0.0 if one.on_change else one.granularity_s
    stretch = reports.newest(Stretch(one.told_s, until_s, granularity), len(one.request.payloads))
    if stretch.from_s > one.told_s:
        turn.remark(f"report {one.request.reportRequestID!r} would be too long: its newest part is told")
    ahead_s = turn.server_s - turn.utc_s
    told = reports.report_of(one.request, stretch, state.stock.series, state.terms, ahead_s, turn.server_s)
    message = OadrUpdateReport(requestID=turn.request_id(), reports=(told,), venID=state.ven_id)
    after, lost = stock.owed(turn.state.stock, turn.number(), message)
    turn.change(stock=after)
    if lost:
        turn.alarm("reports", "the VTN takes no reports and too many wait: the oldest are lost")
    return stock.values_of(message)
