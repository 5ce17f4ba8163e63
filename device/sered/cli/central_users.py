"""`sered central user`: add, list and shut out those who may log in at the board."""

from __future__ import annotations

import secrets
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from sered.cli import options
from sered.cli.central_options import Config, opened
from sered.errors import ConfigError

if TYPE_CHECKING:
    from sered.central.people import Role

app = typer.Typer(help="Add, list and shut out users.", rich_markup_mode=None, no_args_is_help=True)


@app.command("add")
def user_add(
    login: Annotated[str, typer.Argument(help="Letters, digits and . _ - @")],
    role: Annotated[list[str], typer.Option(help="agent, lead, analyst, admin or auditor.")],
    team: Annotated[
        list[str] | None, typer.Option(help="Team whose cases they see; may be repeated.")
    ] = None,
    name: Annotated[str, typer.Option(help="As colleagues read it.")] = "",
    generate: Annotated[
        bool, typer.Option("--generate", help="Make a password and print it once.")
    ] = False,
    config: Config = None,
) -> None:
    """Add somebody; the password is asked for, or read from a pipe.

    Example: sered central user add ann --role agent --team recovery
    """
    from sered.central import people

    roles = _roles(role)
    with opened(config) as central:
        password = secrets.token_urlsafe(12) if generate else _password()
        people.add_user(central, login, password, roles, teams=team or (), name=name)
    typer.echo(f"{login} was added.")
    if generate:
        typer.echo(f"Password, shown this once: {password}")


@app.command("password")
def user_password(login: str, config: Config = None) -> None:
    """Give somebody another password; ends all of their sessions.

    Example: sered central user password ann
    """
    from sered.central import people

    with opened(config) as central:
        people.set_password(central, login, _password())
    typer.echo(f"{login} has another password.")


@app.command("disable")
def user_disable(login: str, config: Config = None) -> None:
    """Shut somebody out at once.

    Example: sered central user disable ann
    """
    from sered.central import people

    with opened(config) as central:
        people.disable(central, login)
    typer.echo(f"{login} is shut out.")


@app.command("list")
def user_list(config: Config = None, as_json: options.Json = False) -> None:
    """List users with roles and teams.

    Example: sered central user list
    """
    from sered.central import people

    with opened(config) as central:
        found = people.everybody(central)
    rows = [
        {"login": u.login, "name": u.name, "roles": sorted(u.roles), "teams": sorted(u.teams)}
        for u in found
    ]
    if as_json:
        options.print_json(rows)
        return
    for one in found:
        teams = f" of {', '.join(sorted(one.teams))}" if one.teams else ""
        typer.echo(f"{one.login:20} {', '.join(sorted(one.roles))}{teams}")


def _roles(words: list[str]) -> list[Role]:
    from sered.central.people import Role

    known = [role.value for role in Role]
    if unknown := [word for word in words if word not in known]:
        msg = f"No role {', '.join(unknown)}; known: {', '.join(known)}."
        raise ConfigError(msg)
    return [Role(word) for word in words]


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\n")
