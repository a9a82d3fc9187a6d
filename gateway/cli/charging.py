"""osed ocpp: what the central system of chargers needs of a person."""

import secrets
from typing import Annotated

import typer

from gateway.cli.output import Json, document, people
from grid_functions.model.errors import OperatorFault

app = typer.Typer(no_args_is_help=True, help="Chargers that speak OCPP.")

_LONGEST = 40
"""2.0.1, variable BasicAuthPassword; keys of 1.6 have 20 at most."""


@app.callback()
def several() -> None:
    """Chargers that speak OCPP."""


@app.command(name="hash")
def hash_(
    station: Annotated[str, typer.Argument(help="The station's identity.")],
    ask: Annotated[bool, typer.Option("--ask", help="Ask for a password instead of making one.")] = False,
    json_: Json = False,
) -> None:
    """Make a password for a station, and the hash of it that the configuration holds.

    Example: osed ocpp hash CP-1
    """
    from argon2 import PasswordHasher

    password = typer.prompt("Password", hide_input=True, err=True) if ask else secrets.token_hex(10)
    if not 16 <= len(password.encode()) <= _LONGEST:
        raise OperatorFault(f"a password has 16 to {_LONGEST} bytes", "choose another one; 1.6 takes 20 at most")
    hashed = PasswordHasher().hash(password)
    if json_:
        document({"station": station, "password": password, "hash": hashed})
        return
    people.print(f"password, for the station: {password}")
    people.print(f'under gateway.ocpp.users:   {station}: "{hashed}"')
