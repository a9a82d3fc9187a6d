"""Plays the act: raises the stage, plays every step, shows it live, and leaves the evidence."""

import asyncio
import csv
import json
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gateway.demo import report
from gateway.demo.sabotage import Sabotage
from gateway.demo.show import Show
from gateway.demo.stage import Stage, staged
from gateway.demo.steps import STEPS, Result, Step
from grid_functions.model.errors import GatewayError

ACT = 1


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it."""

    ok: bool
    results: tuple[Result, ...]

    def plain(self) -> dict[str, Any]:
        """As one JSON document."""
        steps = [{"act": ACT, **asdict(result)} for result in self.results]
        return {"ok": self.ok, "steps": steps}


async def play(
    *,
    show: Show,
    keep: Path | None = None,
    sabotage: Sabotage | None = None,
    only: tuple[str, ...] = (),
    picture: Path | None = None,
) -> Played:
    """Play the act. ``keep``: a folder for the evidence; ``only``: ids of the steps wanted; ``picture``: where to draw the README's."""
    chosen = [step for step in STEPS if not only or step.id in only]
    with tempfile.TemporaryDirectory(prefix="osed-demo-") as folder:
        async with staged(Path(folder), sabotage) as stage, _live(stage, show):
            show.say(
                "utility server, simulated site and gateway are up as separate processes; mutual TLS and Modbus on loopback"
            )
            results = [await _one(stage, step, show) for step in chosen]
            await asyncio.sleep(1.0)
            evidence = await _evidence(stage)
        played = Played(all(result.ok for result in results), tuple(results))
        if keep is not None:
            _leave(keep, evidence, played, Path(folder))
        if picture is not None:
            report.picture(picture, evidence, played.results)
    return played


async def _one(stage: Stage, step: Step, show: Show) -> Result:
    show.begin(step.id, step.title)
    began_s = stage.now_s
    try:
        result = await step.play(stage)
    except (GatewayError, OSError, TimeoutError) as fault:
        result = Result(step.id, step.title, False, {}, str(fault))
    result.figures["from_s"], result.figures["to_s"] = round(began_s, 1), round(stage.now_s, 1)
    show.end(result)
    return result


@asynccontextmanager
async def _live(stage: Stage, show: Show) -> AsyncIterator[None]:
    async def refresh() -> None:
        while True:
            status = await stage.status()
            samples = await stage.site.samples(stage.now_s - 3.0)
            responses = await stage.responses()
            show.refresh(status, samples[-1][1] if samples else None, list(stage.registers[-12:]), responses)
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


async def _evidence(stage: Stage) -> report.Evidence:
    return report.Evidence(
        began_s=stage.began_s,
        meter=await stage.samples(),
        registers=list(stage.registers),
        responses=await stage.responses(),
    )


def _leave(keep: Path, evidence: report.Evidence, played: Played, folder: Path) -> None:
    keep.mkdir(parents=True, exist_ok=True)
    with (keep / "meter.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("t_s", "w"), *((f"{t_s:.3f}", f"{w:.1f}") for t_s, w in evidence.meter)])
    with (keep / "registers.csv").open("w", newline="") as file:
        rows = [(f"{r.t_s:.3f}", r.device, r.model, r.point, r.value) for r in evidence.registers]
        csv.writer(file).writerows([("t_s", "device", "model", "point", "value"), *rows])
    (keep / "responses.json").write_text(json.dumps([asdict(r) for r in evidence.responses], indent=2))
    (keep / "demo.json").write_text(json.dumps(played.plain(), indent=2))
    report.page(keep / "report.html", evidence, played.results)
    for log in folder.glob("*.log"):
        (keep / log.name).write_bytes(log.read_bytes())
