"""osed api: what the HTTP listener for programs needs of a person."""

import secrets
from typing import Annotated

import typer

from gateway.cli.output import Json, document, people

app = typer.Typer(no_args_is_help=True, help="The HTTP listener for programs of others.")


@app.callback()
def several() -> None:
    """The HTTP listener for programs of others."""


@app.command()
def token(
    name: Annotated[str, typer.Argument(help="The program, as the configuration names it.")],
    area: Annotated[str, typer.Option(help="The area it speaks to.")] = "AREA",
    json_: Json = False,
) -> None:
    """Make a token for a program, and the hash of it that the configuration holds.

    Example: osed api token grid-intelligence --area feeder-12
    """
    from argon2 import PasswordHasher

    secret = secrets.token_urlsafe(32).replace(".", "")
    hashed = PasswordHasher().hash(secret)
    shown = f"{name}.{secret}"
    if json_:
        document({"name": name, "token": shown, "hash": hashed, "area": area})
        return
    people.print(f"token, for the program:      {shown}")
    people.print(f'under gateway.api.tokens:    - {{name: {name}, area: {area}, hash: "{hashed}"}}')
