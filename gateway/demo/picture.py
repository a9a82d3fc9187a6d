"""The run as the picture in the README."""

import html
import math
from collections.abc import Sequence
from pathlib import Path

from gateway.demo.evidence import Evidence, limits
from gateway.demo.measured import Told

_INK, _GOOD, _BAD, _LIMIT = "#1f2937", "#15803d", "#b91c1c", "#c2410c"
_WIDTH, _HEIGHT = 960, 320


def picture(path: Path, found: Sequence[Evidence]) -> None:
    """The run as one SVG: export at the meter, step by step, one panel for each site."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT * len(found)}" '
        'font-family="sans-serif" font-size="11">'
    ]
    for number, evidence in enumerate(found):
        parts += [f'<g transform="translate(0 {_HEIGHT * number})">', *_panel(evidence), "</g>"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*parts, "</svg>"]) + "\n")


def _panel(evidence: Evidence) -> list[str]:
    width, height, left, bottom, top = _WIDTH, _HEIGHT, 60, 46, 28
    end_s = evidence.meter[-1][0] - evidence.began_s
    most_w = 1.05 * max(6000.0, *(-w for _, w in evidence.meter))
    least_w = min(-500.0, *(-w for _, w in evidence.meter))

    def x(t_s: float) -> float:
        return left + (width - left - 10) * (t_s - evidence.began_s) / end_s

    def y(w: float) -> float:
        return height - bottom - (height - bottom - top) * (w - least_w) / (most_w - least_w)

    parts = [
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="{left}" y="16" font-size="13" fill="{_INK}">Export at the meter of the {evidence.site.name} in W '
        "(a run of make demo)</text>",
    ]
    for number, result in enumerate(evidence.results):
        a, b = x(result.figures["from_s"]), x(result.figures["to_s"])
        colour = _GOOD if result.ok else _BAD
        shade = 0.04 + 0.06 * (number % 2)
        parts.append(
            f'<rect x="{a:.1f}" y="{top}" width="{b - a:.1f}" height="{height - bottom - top}" fill="{colour}" opacity="{shade}"/>'
        )
        parts.append(
            f'<text x="{a + 3:.1f}" y="{top + 14 + 14 * (number % 2)}" fill="{colour}">{html.escape(result.id)}</text>'
        )
        for from_s, to_s, limit_w in limits(result):
            at = y(limit_w)
            parts.append(
                f'<line x1="{x(from_s):.1f}" x2="{x(to_s):.1f}" y1="{at:.1f}" y2="{at:.1f}" stroke="{_LIMIT}" stroke-dasharray="5 4"/>'
            )
    step_w = 2000 if most_w - least_w < 20_000 else 5000
    for w in range(math.ceil(least_w / step_w) * step_w, int(most_w), step_w):
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
    parts.append(f'<text x="{left - 6}" y="{height - bottom + 30}" text-anchor="end" fill="{_LIMIT}">Response</text>')
    return parts


def _grouped(responses: Sequence[Told]) -> list[tuple[float, str]]:
    """Responses that came within three seconds of the first of them, as one label."""
    groups: list[tuple[float, str]] = []
    for told in sorted(responses, key=lambda one: one.t_s):
        if groups and told.t_s - groups[-1][0] < 3.0:
            groups[-1] = (groups[-1][0], f"{groups[-1][1]} {told.status}")
        else:
            groups.append((told.t_s, str(told.status)))
    return groups
