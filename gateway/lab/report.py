"""What a laboratory day showed, as one HTML page with plots."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jinja2
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from gateway.lab.cases import Case
from gateway.lab.figures import Found

_DRAWN = {
    "The day": ("no_control", "day_ahead", "central", "flat", "tou"),
    "Herding": ("no_control", "best_response", "free_price", "tou"),
    "The market": ("flat", "xor"),
    "After an outage": ("pickup_free", "pickup"),
}
_COLUMNS = (
    "peak_kw",
    "peak_against_no_control",
    "cost",
    "energy_kwh",
    "comfort_kh",
    "ev_short_kwh",
    "tank_short_kwh",
    "end_state_kwh",
)


def page(found: Found, path: Path) -> None:
    """One file that needs nothing else."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    text = environment.from_string(_PAGE).render(
        script=get_plotlyjs(), plain=found.plain(), columns=_COLUMNS, plots=plots(found)
    )
    path.write_text(text)


def plots(found: Found) -> list[tuple[str, str]]:
    """Titles, and the plots as markup that needs plotly's script beside it."""
    made: list[tuple[str, str]] = []
    for title, names in _DRAWN.items():
        cases = [found.cases[name] for name in names if name in found.cases]
        if names[-1] == "xor":
            cases = alike(cases)
        if cases:
            made.append((title, _embedded(_loads(cases, found), f"lab-{len(made)}")))
    if found.talked is not None:
        made.append(("The talks", _embedded(_talks(found), "lab-talks")))
    return made


def alike(cases: list[Case]) -> list[Case]:
    """Each in steps as long as the longest, from when the last begins until the first ends: none if the last was not played."""
    if not cases or cases[-1].name != "xor":
        return []
    step_s = max(case.step_s for case in cases)
    began_s = max(case.began_s for case in cases)
    ends_s = min(case.began_s + case.step_s * len(case.feeder_kw) for case in cases)
    alike = []
    for case in cases:
        each = round(step_s / case.step_s)
        first, steps = round((began_s - case.began_s) / case.step_s), int((ends_s - began_s) // step_s)
        kw = {
            name: one[first : first + steps * each].reshape(steps, each).mean(axis=1) for name, one in case.kw.items()
        }
        alike.append(replace(case, kw=kw, began_s=began_s, step_s=step_s))
    return alike


def _loads(cases: list[Case], found: Found) -> Any:
    figure = go.Figure()
    for case in cases:
        first = datetime.fromtimestamp(found.noon_utc_s + case.began_s, UTC)
        times = [first + timedelta(seconds=k * case.step_s) for k in range(len(case.feeder_kw))]
        dash = None if case.measured else "dot"
        name = case.name if case.measured else f"{case.name} (plan only)"
        figure.add_scatter(x=times, y=case.feeder_kw.tolist(), name=name, line={"shape": "hv", "dash": dash})
    if found.pickup is not None and any(case.name == "pickup" for case in cases):
        figure.add_hline(y=found.pickup.limit_kw, line={"dash": "dash", "width": 1}, annotation_text="limit")
    figure.update_layout(
        xaxis_title="local time", yaxis_title="feeder, kW", height=420, margin={"t": 30}, template="plotly_white"
    )
    return figure


def _talks(found: Found) -> Any:
    assert found.talked is not None
    figure = go.Figure()
    rounds = list(range(1, len(found.talked.history) + 1))
    figure.add_scatter(x=rounds, y=[upper for _, upper, _ in found.talked.history], name="plan (upper bound)")
    figure.add_scatter(x=rounds, y=[lower for lower, _, _ in found.talked.history], name="lower bound")
    if found.central is not None:
        figure.add_hline(y=found.central[0], line={"dash": "dash", "width": 1}, annotation_text="central optimum")
    figure.update_layout(xaxis_title="round", yaxis_title="cost", height=360, margin={"t": 30}, template="plotly_white")
    return figure


def _embedded(figure: Any, name: str) -> str:
    text: str = figure.to_html(full_html=False, include_plotlyjs=False, div_id=name)
    return text


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>OSED Gateway: a feeder in the laboratory</title>
<style>body{font-family:sans-serif;max-width:1100px;margin:2em auto;color:#1f2937}table{border-collapse:collapse;width:100%}
td,th{padding:.3em .6em;text-align:right;vertical-align:bottom;border-bottom:1px solid #e5e7eb;font-variant-numeric:tabular-nums}
td:first-child,th:first-child{text-align:left}</style>
<script>{{ script | safe }}</script></head><body>
<h1>A feeder of {{ plain.homes }} homes, seed {{ plain.seed }}</h1>
<p>Simulated homes, real gateways: each home has a loop, a ledger and drivers of its own, over Modbus/TCP; time alone is injected.
Weather: {{ plain.weather.source }}, {{ plain.weather.station }}, {{ plain.weather.day }} (mean {{ plain.weather.mean_c }} degrees).
Loads: {{ plain.loads }}. Demand charge {{ plain.demand_charge }} per kW and day.
{% if plain.diversity_factor %}Diversity factor without control: {{ plain.diversity_factor }}.{% endif %}</p>
<p>{% for part, path in plain.paths.items() %}{{ part }}: {{ path }}{{ "; " if not loop.last else "." }}{% endfor %}</p>
<table><tr><th>case</th><th>measured</th>{% for column in columns %}<th>{{ column | replace("_", " ") }}</th>{% endfor %}</tr>
{% for case in plain.cases %}<tr><td>{{ case.name }}</td><td>{{ "yes" if case.measured else "plan only" }}</td>
{% for column in columns %}<td>{{ "" if case[column] is none else case[column] }}</td>{% endfor %}</tr>{% endfor %}</table>
{% if plain.day_ahead %}<p>Day-ahead coordination: {{ plain.day_ahead.rounds }} rounds, certified gap
{{ "%.2f" | format(100 * plain.day_ahead.gap) }} %, plan's peak {{ plain.day_ahead.plan_peak_kw }} kW{% if plain.day_ahead.central_gap
is not none %}; {{ "%.2f" | format(100 * plain.day_ahead.central_gap) }} % dearer than the central optimum, whose peak is
{{ plain.day_ahead.central_peak_kw }} kW{% endif %}.</p>{% endif %}
{% if plain.market %}<p>Market: {{ plain.market.wanted_kwh }} kWh wanted, {{ plain.market.awarded_kwh }} awarded to
{{ plain.market.winners }} homes, {{ plain.market.delivered_kwh }} delivered, {{ plain.market.flagged | length }} flagged.</p>{% endif %}
{% for title, plot in plots %}<h2>{{ title }}</h2>{{ plot | safe }}{% endfor %}
</body></html>
"""
