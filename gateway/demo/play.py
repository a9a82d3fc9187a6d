"""Plays the act: raises a stage for each site, plays its steps, shows them live, and leaves the evidence."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from gateway.demo import evidence, report
from gateway.demo.act import act_of, chosen
from gateway.demo.evidence import Evidence
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
    with_openadr: bool = True,
) -> Played:
    """Play the acts. ``keep``: a folder for the evidence; ``only``: ids of the steps wanted; ``picture``: where to draw the README's;
    ``with_openadr``: openleadr is there.
    """
    sites = chosen(only, with_openadr=with_openadr)
    # One site after the other: dozens of processes that start at once leave none of them a core of its own.
    starting = asyncio.Lock()
    with tempfile.TemporaryDirectory(prefix="osed-demo-") as folder:
        found = await asyncio.gather(
            *(
                _site(setting, steps, Path(folder), sabotage, show.part(setting.name), starting)
                for setting, steps in sites
            )
        )
        results = tuple(result for one in found for result in one.results)
        played = Played(all(result.ok for result in results), results)
        if keep is not None:
            evidence.leave(keep, found, Path(folder))
            evidence.write(keep / "demo.json", played.plain())
            report.page(keep / "report.html", found)
        if picture is not None:
            draw(picture, found)
    return played


async def _site(
    setting: Setting, steps: list[Step], folder: Path, sabotage: Sabotage | None, show: Part, starting: asyncio.Lock
) -> Evidence:
    own = folder / setting.name
    own.mkdir()
    async with AsyncExitStack() as ending:
        async with starting:
            stage = await ending.enter_async_context(staged(setting, own, sabotage))
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


async def _one(stage: Stage, step: Step, show: Part) -> Result:
    show.begin(step)
    began_s = stage.now_s
    try:
        result = await step.play(stage)
    except (GatewayError, OSError, TimeoutError) as fault:
        result = Result(step.id, step.title, False, {}, str(fault))
    result = replace(result, site=stage.setting.name)
    result.figures["from_s"], result.figures["to_s"] = round(began_s, 1), round(stage.now_s, 1)
    show.end(result)
    return result


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
