"""The evidence as a self-contained page with plots."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from gateway.demo.evidence import Evidence, FeederEvidence, limits
from gateway.demo.setting import FUSE_A, MAPPED, METER, SPOKEN
from gateway.demo.step import Result
from gateway.lab.report import plots

VOLTS = 230.0
_INK, _GOOD, _BAD, _LIMIT = "#1f2937", "#15803d", "#b91c1c", "#c2410c"


def page(path: Path, found: Sequence[Evidence], fed: FeederEvidence | None) -> None:
    """One HTML file that needs nothing else: verdicts, figures, plots, and how each can be recomputed."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    text = environment.from_string(_PAGE).render(
        script=get_plotlyjs(), sites=[_site(one) for one in found], feeder=None if fed is None else _feeder(fed)
    )
    path.write_text(text)


def _site(evidence: Evidence) -> dict[str, Any]:
    name = evidence.site.name
    return {
        "name": name,
        "folder": f"{evidence.site.folder}/" if evidence.site.folder else "",
        "results": _verdicts(evidence.results),
        "power": _embedded(_power(evidence), f"power-{name}"),
        "registers": _embedded(_registers(evidence, "WMaxLimPct", "% of WMax"), f"registers-{name}"),
        "var": _embedded(_registers(evidence, "Var", "var, injected"), f"var-{name}")
        if any(r.point == "Var" and r.value for r in evidence.registers)
        else "",
        "devices": _embedded(_devices(evidence), f"devices-{name}") if evidence.site.with_bays else "",
        "amperes": _embedded(_amperes(evidence), f"amperes-{name}") if evidence.site.with_bays else "",
        "responses": [
            {"t": f"{r.t_s - evidence.began_s:.1f}", "status": r.status, "subject": r.subject}
            for r in evidence.responses
        ],
    }


def _feeder(fed: FeederEvidence) -> dict[str, Any]:
    return {"results": _verdicts(fed.results), "plots": plots(fed.found)}


def _verdicts(results: Sequence[Result]) -> list[dict[str, Any]]:
    return [{"ok": r.ok, "id": r.id, "title": r.title, "why": r.why, "figures": json.dumps(r.figures)} for r in results]


def _power(evidence: Evidence) -> Any:
    figure = go.Figure()
    times = [t_s - evidence.began_s for t_s, _ in evidence.meter]
    figure.add_scatter(x=times, y=[-w for _, w in evidence.meter], name="export at the meter", line={"color": _INK})
    for told in evidence.responses:
        at_s = told.t_s - evidence.began_s
        figure.add_vline(x=at_s, line={"color": _LIMIT, "width": 1, "dash": "dot"}, annotation_text=str(told.status))
    for result in evidence.results:
        figure.add_vrect(
            x0=result.figures["from_s"] - evidence.began_s,
            x1=result.figures["to_s"] - evidence.began_s,
            fillcolor=_GOOD if result.ok else _BAD,
            opacity=0.08,
            annotation_text=result.id,
            annotation_position="bottom left",
        )
        for from_s, to_s, limit_w in limits(result):
            figure.add_scatter(
                x=[from_s - evidence.began_s, to_s - evidence.began_s],
                y=[limit_w] * 2,
                name=f"limit, {result.id}",
                line={"color": _LIMIT, "dash": "dash"},
            )
    figure.update_layout(xaxis_title="s", yaxis_title="W", height=480, template="plotly_white", showlegend=False)
    return figure


def _registers(evidence: Evidence, point: str, unit: str) -> Any:
    figure = go.Figure()
    for device in sorted({r.device for r in evidence.registers}):
        mine = [r for r in evidence.registers if r.device == device and r.point == point]
        times, values = [r.t_s - evidence.began_s for r in mine], [r.value for r in mine]
        figure.add_scatter(x=times, y=values, name=f"{device} {point}", line={"shape": "hv"})
    figure.update_layout(xaxis_title="s", yaxis_title=unit, height=360, template="plotly_white")
    return figure


def _devices(evidence: Evidence) -> Any:
    """What each device does: inverters and battery as read by pysunspec2, chargers as they recorded it themselves."""
    figure = go.Figure()
    for device in (one.name for one in evidence.site.machines):
        mine = [r for r in evidence.registers if (r.device, r.model, r.point) == (device, 701, "W")]
        times = [r.t_s - evidence.began_s for r in mine]
        figure.add_scatter(x=times, y=[r.value for r in mine], name=device, line={"shape": "hv"})
    for charger in (MAPPED, SPOKEN):
        amps, phases = _recorded(evidence, charger, "drawn_a"), dict(_recorded(evidence, charger, "phases"))
        watts = [-VOLTS * a * phases.get(t_s, 0.0) for t_s, a in amps]
        times = [t_s - evidence.began_s for t_s, _ in amps]
        figure.add_scatter(x=times, y=watts, name=charger, line={"shape": "hv"})
    figure.update_layout(xaxis_title="s", yaxis_title="W, production positive", height=420, template="plotly_white")
    return figure


def _amperes(evidence: Evidence) -> Any:
    """What flows on each conductor, and what each charger is limited to."""
    figure = go.Figure()
    for phase in "abc":
        flown = _recorded(evidence, METER, f"A.{phase}")
        times = [t_s - evidence.began_s for t_s, _ in flown]
        figure.add_scatter(x=times, y=[a for _, a in flown], name=f"L{'abc'.index(phase) + 1}")
    for charger in (MAPPED, SPOKEN):
        told = _recorded(evidence, charger, "limit_a")
        times = [t_s - evidence.began_s for t_s, _ in told]
        line = {"shape": "hv", "dash": "dot"}
        figure.add_scatter(x=times, y=[a for _, a in told], name=f"{charger} limit", line=line)
    for amps in (FUSE_A, -FUSE_A):
        figure.add_hline(y=amps, line={"color": _LIMIT, "dash": "dash"})
    figure.update_layout(xaxis_title="s", yaxis_title="A, drawn positive", height=420, template="plotly_white")
    return figure


def _recorded(evidence: Evidence, device: str, point: str) -> list[tuple[float, float]]:
    return [(row[0], row[4]) for row in evidence.rows if (row[1], row[2], row[3]) == (device, 0, point)]


def _embedded(figure: Any, name: str) -> str:
    """The plot as markup: plotly's own, over numbers and our own labels."""
    text: str = figure.to_html(full_html=False, include_plotlyjs=False, div_id=name)
    return text


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>OSED Gateway: what was measured</title>
<style>body{font-family:sans-serif;max-width:1100px;margin:2em auto;color:#1f2937}td,th{padding:.3em .8em;text-align:left;
border-bottom:1px solid #e5e7eb;vertical-align:top}code{font-size:.85em;overflow-wrap:anywhere}.ok{color:#15803d}.no{color:#b91c1c}</style>
<script>{{ script | safe }}</script></head><body>
{% macro verdicts(results) %}<table><tr><th>step</th><th>verdict</th><th>figures</th></tr>
{% for r in results %}<tr><td><b>{{ r.id }}</b><br>{{ r.title }}</td><td class="{{ 'ok' if r.ok else 'no' }}">
{{ 'ok' if r.ok else 'not ok' }} {{ r.why }}</td><td><code>{{ r.figures }}</code></td></tr>{% endfor %}</table>{% endmacro %}
<h1>OSED Gateway: what was measured</h1>
<p>Each site has a utility server and a gateway of its own; the sites play at the same time. Power is the meter's own record
(meter.csv, positive = import; drawn here as export). Registers were read by pysunspec2's client, those of a charger (model 0) by
pymodbus's (registers.csv). Responses are those
the utility server holds (responses.json). writes.csv
and samples.csv are what each device recorded itself: what was written to it, and how it was each second; the meter's A.a, A.b and A.c
are what truly flowed on each conductor.
Every verdict below is arithmetic over these files.</p>
{% for site in sites %}<h2>{{ site.name }}</h2>
<p>Its files: <code>{{ site.folder }}meter.csv</code>, <code>{{ site.folder }}registers.csv</code>,
<code>{{ site.folder }}responses.json</code>, <code>{{ site.folder }}writes.csv</code>, <code>{{ site.folder }}samples.csv</code>.</p>
{{ verdicts(site.results) }}
<h3>Export at the meter</h3>{{ site.power | safe }}
{% if site.devices %}<h3>Power of each device</h3>{{ site.devices | safe }}
<h3>Amperes on each conductor, and the fuse</h3>{{ site.amperes | safe }}{% endif %}
<h3>Power limits in the registers</h3>{{ site.registers | safe }}
{% if site.var %}<h3>Reactive power in the registers</h3>{{ site.var | safe }}{% endif %}
<h3>Responses</h3><table><tr><th>s</th><th>status</th><th>subject</th></tr>
{% for r in site.responses %}<tr><td>{{ r.t }}</td><td>{{ r.status }}</td><td><code>{{ r.subject }}</code></td></tr>{% endfor %}</table>
{% endfor %}
{% if feeder %}<h2>feeder</h2>
<p>Ten simulated homes, each behind a gateway, a ledger and drivers of its own over Modbus/TCP; time alone is injected. The energy
registers of their meters are <code>feeder/series.csv</code> (case, t, home, kw; mean powers, positive = import), from which the
verdicts are reckoned.
Rooms, tanks and cars show at no meter: of these <code>feeder/lab.json</code> has the simulation's tally.</p>
{{ verdicts(feeder.results) }}
{% for title, plot in feeder.plots %}<h3>{{ title }}</h3>{{ plot | safe }}{% endfor %}{% endif %}
</body></html>
"""
