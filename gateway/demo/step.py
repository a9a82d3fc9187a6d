"""What a step is, and what all of them wait for."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.demo.measured import tolerance_w
from gateway.demo.stage import Stage


@dataclass(frozen=True, slots=True)
class Result:
    """One step's verdict with its figures. ``site``: where it was played."""

    id: str
    title: str
    ok: bool
    figures: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    site: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A step: ``play`` acts and judges; it never raises for what it finds, only for a broken stage."""

    id: str
    title: str
    play: Callable[[Stage], Awaitable[Result]]


async def wait_until(stage: Stage, at_s: float) -> None:
    """Until a moment, UTC seconds."""
    await asyncio.sleep(max(0.0, at_s - stage.now_s))


async def exports(stage: Stage, above_w: float) -> bool:
    """Whether the site exports more than this now."""
    return -await stage.site.meter_w() > above_w


async def settled(stage: Stage, limit: float) -> bool:
    """Whether the export is within the band around the limit, from both sides."""
    return abs(-await stage.site.meter_w() - limit) <= tolerance_w(limit)


async def limited(stage: Stage, limit: float, seconds: float) -> bool:
    """Wait until the export is no more than the limit and its tolerance; whether it came to that."""

    async def there() -> bool:
        return not await exports(stage, limit + tolerance_w(limit))

    return await stage.until("limited", there, seconds)
