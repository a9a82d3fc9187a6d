"""Plays the act: raises a stage for each site, plays its steps, shows them live, and leaves the evidence."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from gateway.demo import evidence, feeder, report
from gateway.demo.act import act_of, chosen
from gateway.demo.evidence import Evidence, FeederEvidence
from gateway.demo.feeder import Feeder, FeederStep
from gateway.demo.picture import picture as draw
from gateway.demo.sabotage import Sabotage
from gateway.demo.setting import Setting
from gateway.demo.show import Part, Show
from gateway.demo.stage import Stage, staged
from gateway.demo.step import Result, Step
from grid_functions.model.errors import GatewayError


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it."""

    ok: bool
    results: tuple[Result, ...]

    def plain(self) -> dict[str, Any]:
        """As one JSON document."""
        steps = [{"act": act_of(result.site), **asdict(result)} for result in self.results]
        return {"ok": self.ok, "steps": steps}


async def play(
    *,
    show: Show,
    keep: Path | None = None,
    sabotage: Sabotage | None = None,
    only: tuple[str, ...] = (),
    picture: Path | None = None,
    without: frozenset[int] = frozenset(),
) -> Played:
    """Play the acts. ``keep``: a folder for the evidence; ``only``: ids of the steps wanted; ``picture``: where to draw the README's;
    ``without``: acts that cannot be played here.
    """
    programme = chosen(only, without)
    # One site after the other: dozens of processes that start at once leave none of them a core of its own.
    starting = asyncio.Lock()
    with tempfile.TemporaryDirectory(prefix="osed-demo-") as folder:
        found = await asyncio.gather(
            *(
                _site(setting, steps, Path(folder), sabotage, show.part(setting.name), starting)
                for setting, steps in programme.sites
            )
        )
        fed = None
        if programme.feeder:
            show_feeder = show.part(feeder.NAME)
            fed = await asyncio.to_thread(_feeder, programme.feeder, Path(folder), sabotage, show_feeder)
        results = tuple(result for one in (*found, *([fed] if fed else ())) for result in one.results)
        played = Played(all(result.ok for result in results), results)
        if keep is not None:
            evidence.leave(keep, found, Path(folder))
            if fed is not None:
                evidence.leave_feeder(keep, fed)
            evidence.write(keep / "demo.json", played.plain())
            report.page(keep / "report.html", found, fed)
        if picture is not None:
            draw(picture, found)
    return played


def _feeder(steps: Sequence[FeederStep], folder: Path, sabotage: Sabotage | None, show: Part) -> FeederEvidence:
    own = folder / feeder.NAME
    own.mkdir()
    with feeder.staged(own, sabotage, show.far) as stage:
        show.say(f"{feeder.HOMES} simulated homes, each behind a gateway of its own over Modbus; time is injected")
        results = [_one_at_feeder(stage, step, show) for step in steps]
        series = stage.series.read_text() if stage.series.exists() else ""
    return FeederEvidence(results, stage.found, series)


def _one_at_feeder(stage: Feeder, step: FeederStep, show: Part) -> Result:
    show.begin(step.id, step.title)
    began_s = time.time()
    try:
        result = step.play(stage)
    except (GatewayError, OSError, RuntimeError) as fault:
        result = Result(step.id, step.title, False, {}, str(fault), feeder.NAME)
    return _timed(result, began_s, time.time(), show)


def _timed(result: Result, from_s: float, to_s: float, show: Part) -> Result:
    result.figures["from_s"], result.figures["to_s"] = round(from_s, 1), round(to_s, 1)
    show.end(result)
    return result


async def _site(
    setting: Setting, steps: Sequence[Step], folder: Path, sabotage: Sabotage | None, show: Part, starting: asyncio.Lock
) -> Evidence:
    own = folder / setting.name
    own.mkdir()
    async with AsyncExitStack() as ending:
        async with starting:
            try:
                stage = await ending.enter_async_context(staged(setting, own, sabotage))
            except (GatewayError, OSError) as fault:
                return _unplayed(setting, steps, str(fault), show)
        await ending.enter_async_context(_live(stage, show))
        show.say(
            f"utility server, {'two VTNs, ' if setting.with_vtns else ''}simulated site and gateway are up as processes of their own; "
            "mutual TLS and Modbus on loopback"
        )
        results = [await _one(stage, step, show) for step in steps]
        await asyncio.sleep(1.0)
        return Evidence(
            site=setting,
            began_s=stage.began_s,
            meter=await stage.samples(),
            registers=list(stage.registers),
            responses=await stage.responses(),
            results=results,
            rows=(await stage.site.dump(stage.began_s))["samples"],
        )


def _unplayed(setting: Setting, steps: Sequence[Step], why: str, show: Part) -> Evidence:
    """What is left of a site that did not come up: the others play on."""
    now_s = time.time()
    results = []
    for step in steps:
        show.begin(step.id, step.title)
        results.append(_timed(Result(step.id, step.title, False, {}, why, setting.name), now_s, now_s, show))
    return Evidence(site=setting, began_s=now_s, meter=[], registers=[], responses=[], results=results, rows=[])


async def _one(stage: Stage, step: Step, show: Part) -> Result:
    show.begin(step.id, step.title)
    began_s = stage.now_s
    try:
        result = await step.play(stage)
    except (GatewayError, OSError, TimeoutError) as fault:
        result = Result(step.id, step.title, False, {}, str(fault))
    result = replace(result, site=stage.setting.name)
    return _timed(result, began_s, stage.now_s, show)


@asynccontextmanager
async def _live(stage: Stage, show: Part) -> AsyncIterator[None]:
    async def refresh() -> None:
        while True:
            status = await stage.status()
            samples = await stage.site.samples(stage.now_s - 3.0)
            responses = await stage.responses()
            show.refresh(
                status,
                samples[-1][1] if samples else None,
                [r for r in stage.registers[-400:] if r.t_s > stage.now_s - 3.0],
                responses,
            )
            await asyncio.sleep(1.0)

    task = asyncio.create_task(_unharmed(refresh), name="live")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _unharmed(refresh: Callable[[], Any]) -> None:
    """The live table never decides anything: should it fail, it is begun again."""
    while True:
        try:
            await refresh()
        except (GatewayError, OSError):
            await asyncio.sleep(1.0)
