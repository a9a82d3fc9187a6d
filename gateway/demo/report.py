"""The evidence as a self-contained page with plots, and as the picture in the README."""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from gateway.demo.measured import Sample, Told
from gateway.demo.registers import Register
from gateway.demo.steps import Result

_INK, _GOOD, _BAD, _LIMIT = "#1f2937", "#15803d", "#b91c1c", "#c2410c"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything measured, from the beginning to the end."""

    began_s: float
    meter: Sequence[Sample]
    registers: Sequence[Register]
    responses: Sequence[Told]


def page(path: Path, evidence: Evidence, results: Sequence[Result]) -> None:
    """One HTML file that needs nothing else: verdicts, figures, plots, and how each can be recomputed."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    text = environment.from_string(_PAGE).render(
        script=get_plotlyjs(),
        results=[
            {"ok": r.ok, "id": r.id, "title": r.title, "why": r.why, "figures": json.dumps(r.figures)} for r in results
        ],
        power=_embedded(_power(evidence, results), "power"),
        registers=_embedded(_registers(evidence), "registers"),
        responses=[
            {"t": f"{r.t_s - evidence.began_s:.1f}", "status": r.status, "subject": r.subject}
            for r in evidence.responses
        ],
    )
    path.write_text(text)


def picture(path: Path, evidence: Evidence, results: Sequence[Result]) -> None:
    """The run as one SVG: export at the meter, step by step."""
    width, height, left, bottom, top = 960, 320, 60, 46, 28
    end_s = evidence.meter[-1][0] - evidence.began_s
    most_w = 1.05 * max(6000.0, *(-w for _, w in evidence.meter))
    least_w = min(-500.0, *(-w for _, w in evidence.meter))

    def x(t_s: float) -> float:
        return left + (width - left - 10) * (t_s - evidence.began_s) / end_s

    def y(w: float) -> float:
        return height - bottom - (height - bottom - top) * (w - least_w) / (most_w - least_w)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="{left}" y="16" font-size="13" fill="{_INK}">Export at the meter in W while limits, sun and load change '
        "(a run of make demo)</text>",
    ]
    for number, result in enumerate(results):
        a, b = x(result.figures["from_s"]), x(result.figures["to_s"])
        colour = _GOOD if result.ok else _BAD
        shade = 0.04 + 0.06 * (number % 2)
        parts.append(
            f'<rect x="{a:.1f}" y="{top}" width="{b - a:.1f}" height="{height - bottom - top}" fill="{colour}" opacity="{shade}"/>'
        )
        parts.append(
            f'<text x="{a + 3:.1f}" y="{top + 14 + 14 * (number % 2)}" fill="{colour}">{html.escape(result.id)}</text>'
        )
        if "limit_w" in result.figures:
            at = y(result.figures["limit_w"])
            parts.append(
                f'<line x1="{a:.1f}" x2="{b:.1f}" y1="{at:.1f}" y2="{at:.1f}" stroke="{_LIMIT}" stroke-dasharray="5 4"/>'
            )
    for w in range(0, int(most_w), 2000):
        parts.append(f'<line x1="{left}" x2="{width - 10}" y1="{y(w):.1f}" y2="{y(w):.1f}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="{left - 6}" y="{y(w) + 4:.1f}" text-anchor="end" fill="{_INK}">{w}</text>')
    for t_s in range(0, int(end_s), 20):
        at = x(evidence.began_s + t_s)
        parts.append(f'<text x="{at:.1f}" y="{height - bottom + 16}" text-anchor="middle" fill="{_INK}">{t_s} s</text>')
    line = " ".join(f"{x(t_s):.1f},{y(-w):.1f}" for t_s, w in evidence.meter)
    parts.append(f'<polyline points="{line}" fill="none" stroke="{_INK}" stroke-width="1.6"/>')
    for at_s, statuses in _grouped(evidence.responses):
        at = x(at_s)
        parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{height - bottom}" y2="{height - bottom - 6}" stroke="{_LIMIT}"/>'
        )
        parts.append(
            f'<text x="{at:.1f}" y="{height - bottom + 30}" text-anchor="middle" fill="{_LIMIT}">{statuses}</text>'
        )
    parts.append(
        f'<text x="{left - 6}" y="{height - bottom + 30}" text-anchor="end" fill="{_LIMIT}">Response</text></svg>'
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(parts) + "\n")


def _grouped(responses: Sequence[Told]) -> list[tuple[float, str]]:
    """Responses that came within three seconds of the first of them, as one label."""
    groups: list[tuple[float, str]] = []
    for told in sorted(responses, key=lambda one: one.t_s):
        if groups and told.t_s - groups[-1][0] < 3.0:
            groups[-1] = (groups[-1][0], f"{groups[-1][1]} {told.status}")
        else:
            groups.append((told.t_s, str(told.status)))
    return groups


def _power(evidence: Evidence, results: Sequence[Result]) -> Any:
    figure = go.Figure()
    times = [t_s - evidence.began_s for t_s, _ in evidence.meter]
    figure.add_scatter(x=times, y=[-w for _, w in evidence.meter], name="export at the meter", line={"color": _INK})
    for told in evidence.responses:
        at_s = told.t_s - evidence.began_s
        figure.add_vline(x=at_s, line={"color": _LIMIT, "width": 1, "dash": "dot"}, annotation_text=str(told.status))
    for result in results:
        figure.add_vrect(
            x0=result.figures["from_s"] - evidence.began_s,
            x1=result.figures["to_s"] - evidence.began_s,
            fillcolor=_GOOD if result.ok else _BAD,
            opacity=0.08,
            annotation_text=result.id,
            annotation_position="bottom left",
        )
        if "limit_w" in result.figures:
            span = [result.figures["from_s"] - evidence.began_s, result.figures["to_s"] - evidence.began_s]
            figure.add_scatter(
                x=span,
                y=[result.figures["limit_w"]] * 2,
                name=f"limit, {result.id}",
                line={"color": _LIMIT, "dash": "dash"},
            )
    figure.update_layout(xaxis_title="s", yaxis_title="W", height=480, template="plotly_white", showlegend=False)
    return figure


def _registers(evidence: Evidence) -> Any:
    figure = go.Figure()
    for device in sorted({r.device for r in evidence.registers}):
        mine = [r for r in evidence.registers if r.device == device and r.point == "WMaxLimPct"]
        times, values = [r.t_s - evidence.began_s for r in mine], [r.value for r in mine]
        figure.add_scatter(x=times, y=values, name=f"{device} WMaxLimPct", line={"shape": "hv"})
    figure.update_layout(xaxis_title="s", yaxis_title="% of WMax", height=360, template="plotly_white")
    return figure


def _embedded(figure: Any, name: str) -> str:
    """The plot as markup: plotly's own, over numbers and our own labels."""
    text: str = figure.to_html(full_html=False, include_plotlyjs=False, div_id=name)
    return text


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>OSED Gateway: what was measured</title>
<style>body{font-family:sans-serif;max-width:1100px;margin:2em auto;color:#1f2937}td,th{padding:.3em .8em;text-align:left;
border-bottom:1px solid #e5e7eb;vertical-align:top}code{font-size:.85em;overflow-wrap:anywhere}.ok{color:#15803d}.no{color:#b91c1c}</style>
<script>{{ script | safe }}</script></head><body>
<h1>OSED Gateway: what was measured</h1>
<p>Power is the meter's own record (meter.csv, positive = import; drawn here as export). Registers were read
by pysunspec2's client (registers.csv). Responses are those the utility server holds (responses.json).
Every verdict below is arithmetic over these three files.</p>
<table><tr><th>step</th><th>verdict</th><th>figures</th></tr>
{% for r in results %}<tr><td><b>{{ r.id }}</b><br>{{ r.title }}</td><td class="{{ 'ok' if r.ok else 'no' }}">
{{ 'ok' if r.ok else 'not ok' }} {{ r.why }}</td><td><code>{{ r.figures }}</code></td></tr>{% endfor %}</table>
<h2>Export at the meter</h2>{{ power | safe }}
<h2>Power limits in the registers</h2>{{ registers | safe }}
<h2>Responses</h2><table><tr><th>s</th><th>status</th><th>subject</th></tr>
{% for r in responses %}<tr><td>{{ r.t }}</td><td>{{ r.status }}</td><td><code>{{ r.subject }}</code></td></tr>{% endfor %}</table>
</body></html>
"""
