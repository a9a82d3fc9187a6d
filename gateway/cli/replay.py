"""osed replay: recorded decisions made again."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.output import Json, document, people, progress
from grid_functions.model.errors import OperatorFault


def replay(
    file: Annotated[Path, typer.Argument(help="A gateway's log: log.db in its data folder.")],
    site: Annotated[str | None, typer.Option(help="Only this site.")] = None,
    json_: Json = False,
) -> None:
    """Make every recorded decision again, from what it was made from, and show the first that comes out otherwise.

    Example: osed replay data/log.db --site house-1
    """
    from gateway.log.book import recorded_sites, recorded_steps
    from gateway.recording.record import plain_of
    from gateway.recording.replay import replay as again
    from grid_functions.catalogue import built_in

    if not file.is_file():
        raise OperatorFault(f"no such file {file}", "name log.db in the data folder of a gateway")
    known = recorded_sites(file)
    if not known or (site is not None and site not in known):
        raise OperatorFault(
            f"no decision of {site or 'any site'} is recorded there", f"sites: {', '.join(known) or 'none'}"
        )
    functions = built_in()
    plain = plain_of(functions)
    with progress("deciding again"):
        done = [again(name, recorded_steps(file, name), functions, plain) for name in known if site in (None, name)]
    ok = all(one.difference is None for one in done)
    if json_:
        document({"ok": ok, "sites": [asdict(one) for one in done]})
    for one in () if json_ else done:
        early = f", {one.skipped} before the first anchor left out" if one.skipped else ""
        people.print(f"site {one.site}: {one.decisions} decision(s) made again{early}")
        if one.difference is None:
            people.print("  all came out the same")
            continue
        people.print(f"  decision {one.difference.serial} at {one.difference.utc_s:.3f} comes out otherwise:")
        for name, recorded in one.difference.recorded.items():
            people.print(f"    {name}\n      recorded: {recorded}\n      replayed: {one.difference.replayed[name]}")
    if not ok:
        raise typer.Exit(1)
