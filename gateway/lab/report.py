"""What a laboratory day showed, as one HTML page with plots."""

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
    "The market": ("xor",),
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
        if cases:
            made.append((title, _embedded(_loads(cases, found), f"lab-{len(made)}")))
    if found.talked is not None:
        made.append(("The talks", _embedded(_talks(found), "lab-talks")))
    return made


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
    figure.update_layout(xaxis_title="local time", yaxis_title="feeder, kW", height=420, template="plotly_white")
    return figure


def _talks(found: Found) -> Any:
    assert found.talked is not None
    figure = go.Figure()
    rounds = list(range(1, len(found.talked.history) + 1))
    figure.add_scatter(x=rounds, y=[upper for _, upper, _ in found.talked.history], name="plan (upper bound)")
    figure.add_scatter(x=rounds, y=[lower for lower, _, _ in found.talked.history], name="lower bound")
    if found.central is not None:
        figure.add_hline(y=found.central[0], line={"dash": "dash", "width": 1}, annotation_text="central optimum")
    figure.update_layout(xaxis_title="round", yaxis_title="cost", height=360, template="plotly_white")
    return figure


def _embedded(figure: Any, name: str) -> str:
    text: str = figure.to_html(full_html=False, include_plotlyjs=False, div_id=name)
    return text


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>OSED Gateway: a feeder in the laboratory</title>
<style>body{font-family:sans-serif;max-width:1100px;margin:2em auto;color:#1f2937}td,th{padding:.3em .8em;text-align:right;
border-bottom:1px solid #e5e7eb}td:first-child,th:first-child{text-align:left}code{overflow-wrap:anywhere}</style>
<script>{{ script | safe }}</script></head><body>
<h1>A feeder of {{ plain.homes }} homes, seed {{ plain.seed }}</h1>
<p>Simulated homes, real gateways: each home has a loop, a ledger and drivers of its own, over Modbus/TCP; time alone is injected.
Weather: {{ plain.weather.source }}, {{ plain.weather.station }}, {{ plain.weather.day }} (mean {{ plain.weather.mean_c }} degrees).
Loads: {{ plain.loads }}. Demand charge {{ plain.demand_charge }} per kW and day.
{% if plain.diversity_factor %}Diversity factor without control: {{ plain.diversity_factor }}.{% endif %}</p>
<p>{% for part, path in plain.paths.items() %}{{ part }}: {{ path }}{{ "; " if not loop.last else "." }}{% endfor %}</p>
<table><tr><th>case</th><th>measured</th>{% for column in columns %}<th>{{ column }}</th>{% endfor %}</tr>
{% for case in plain.cases %}<tr><td>{{ case.name }}</td><td>{{ "at the meters" if case.measured else "no: plan only" }}</td>
{% for column in columns %}<td>{{ "" if case[column] is none else case[column] }}</td>{% endfor %}</tr>{% endfor %}</table>
{% if plain.day_ahead %}<p>Day-ahead coordination: {{ plain.day_ahead.rounds }} rounds, certified gap
{{ "%.2f" | format(100 * plain.day_ahead.gap) }} %, plan's peak {{ plain.day_ahead.plan_peak_kw }} kW.</p>{% endif %}
{% if plain.market %}<p>Market: {{ plain.market.awarded_kwh }} kWh awarded, {{ plain.market.delivered_kwh }} delivered,
{{ plain.market.flagged | length }} flagged.</p>{% endif %}
{% for title, plot in plots %}<h2>{{ title }}</h2>{{ plot | safe }}{% endfor %}
</body></html>
"""
