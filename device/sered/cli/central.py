"""`sered central`: set it up, check it, run it, its users, a site's lists, and a simulation."""

from __future__ import annotations

import secrets
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sered.cli import central_demo, options
from sered.cli.run import log_to_stderr
from sered.errors import ConfigError, SeredError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sered.central.context import Central
    from sered.central.people import Role
    from sered.central.settings import CentralSettings

app = typer.Typer(
    help="The half that listens: cases for people who call back.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
user = typer.Typer(
    help="Add, list and shut out users.", rich_markup_mode=None, no_args_is_help=True
)
app.add_typer(user, name="user")
app.command()(central_demo.demo)

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="Configuration; without it /etc/sered-central/central.toml, or the defaults.",
    ),
]


@app.callback()
def _needs_extra() -> None:
    if find_spec("sqlalchemy") is None or find_spec("starlette") is None:
        msg = "central's libraries are not installed here. Run: pip install 'sered[central]'"
        raise SeredError(msg)


@app.command()
def init(
    config: Config = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    only_store: Annotated[
        bool, typer.Option("--only-store", help="Leave the configuration alone.")
    ] = False,
    only_files: Annotated[
        bool, typer.Option("--only-files", help="Leave the store alone.")
    ] = False,
) -> None:
    """Write a configuration and a key to start from, and make or upgrade the store's tables.

    What is there is left alone; a second run only upgrades the store.

    Example: sudo sered central init
    """
    from sered.central import configuration
    from sered.central.store import migrate
    from sered.central.store.engine import Store

    path = config or configuration.DEFAULT_PATH
    if not only_store and (wrote := configuration.write_first(path, force=force)):
        typer.echo(f"Wrote {' and '.join(map(str, wrote))}. Keep a copy of the key.")
    if only_files:
        return
    settings = _settings(path if path.exists() else None)
    password = settings.store.password
    store = Store(settings.store.url, password.get_secret_value() if password else None)
    before = migrate.current(store)
    migrate.upgrade(store)
    after = migrate.current(store)
    store.close()
    typer.echo(
        f"The store is of version {after} already."
        if before == after
        else f"The store's tables are of version {after} now (before: {before or 'none'})."
    )


@app.command()
def check(config: Config = None, as_json: options.Json = False) -> None:
    """Name every fault in the configuration at once; reach nothing.

    Example: sered central check --config central.toml
    """
    try:
        settings = _settings(config)
    except ConfigError as error:
        if as_json:
            options.print_json({"ok": False, "faults": str(error).splitlines()})
            raise typer.Exit(error.exit_code) from None
        raise
    if as_json:
        options.print_json({"ok": True, "faults": []})
        return
    source = settings.source
    typer.echo(
        f"No faults: {len(settings.site)} site(s), {len(settings.team)} team(s), "
        f"{len(settings.channel)} channel(s), broker {source.host}:{source.port}."
    )


@app.command()
def run(
    config: Config = None,
    part: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            metavar="PART",
            help="Only this: ingest, clock (deadlines and delivery) or web; may be repeated.",
        ),
    ] = None,
) -> None:
    """Run the service: listen to the broker, open cases, tell people, show the board.

    Example: sered central run --config central.toml
    """
    from sered import config as surroundings
    from sered.box.sd_notify import Notifier
    from sered.central.context import open_central
    from sered.central.service import PARTS, Service
    from sered.central.store import migrate

    parts = tuple(part or PARTS)
    if strange := sorted(set(parts) - set(PARTS)):
        raise ConfigError(f"--part: wanted {', '.join(PARTS)}, found {', '.join(strange)}.")
    settings = _settings(config)
    log_to_stderr(settings.log_level)
    central = open_central(settings)
    migrate.check(central.store)
    board = None
    if "web" in parts:
        from sered.central.web.server import BoardServer

        board = BoardServer(central)
        typer.echo(f"The board is at http://{settings.web.host}:{board.port}/", err=True)
    status = Service(central, Notifier(surroundings.notify_socket()), board, parts).run()
    raise typer.Exit(status)


@app.command("import")
def import_(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="CSV|DIR",
            help="Lines (site,device,line,extension,queue), or a folder of `sered analyze --out`.",
        ),
    ],
    config: Config = None,
) -> None:
    """Take in which extension and queue each box's line has, or what an archive came to.

    Of lines all of the file or nothing. Calls of an archive are marked so: no case is opened and
    nobody is told; a second import adds nothing.

    Examples: sered central import lines.csv; sered central import results/
    """
    from sered.central import archive, importing

    with _central(config) as central:
        if source.is_dir() or source.suffix == ".jsonl":
            taken = archive.take(central, source)
            for fault in taken.faults:
                typer.echo(f"note: {fault}", err=True)
            typer.echo(
                f"{taken.new} call(s) from the archive, {taken.known} were there already, "
                f"{taken.refused} could not be used."
            )
            raise typer.Exit(1 if taken.refused else 0)
        changed, same = importing.lines(central, source)
    typer.echo(f"{changed} line(s) new or changed, {same} were so already.")


@app.command()
def simulate(
    config: Config = None,
    boxes: Annotated[int, typer.Option(min=1, max=100_000, help="How many boxes speak.")] = 12,
    a_minute: Annotated[float, typer.Option(min=0.1, help="Calls a minute, all boxes.")] = 20.0,
    minutes: Annotated[float, typer.Option(min=0.01, help="How long.")] = 5.0,
    seed: Annotated[int, typer.Option(help="The same seed, the same boxes and calls.")] = 1,
    as_json: options.Json = False,
) -> None:
    """Play boxes on the configured broker: states, calls, alerts, faults; then tell the truth.

    Example: sered central simulate --boxes 12 --a-minute 20
    """
    from sered.central.simulate import play, truth

    settings = _settings(config)
    fleet = play.Fleet(settings.source, truth.desks(boxes, seed))
    try:
        start = play.Played()
        play.present(fleet, start, seed)
        played = play.play(fleet, a_minute / 60, minutes * 60, seed=seed)
    finally:
        fleet.close()
    told = {
        "boxes": boxes,
        "calls": len(played.calls),
        "unhappy": sum(call.unhappy for call in played.calls),
        "escalated": sum(call.escalate for call in played.calls),
        "escalated_and_unhappy": sum(call.escalate and call.unhappy for call in played.calls),
        "seconds": round(played.seconds, 1),
    }
    if as_json:
        options.print_json(told)
        return
    for name, value in told.items():
        typer.echo(f"{name.replace('_', ' '):24}{value}")


@app.command()
def token(
    scope: Annotated[str, typer.Option(help="What it is good for: pbx.")] = "pbx",
    withdraw: Annotated[
        str | None, typer.Option(metavar="START", help="Shut out those whose digest begins so.")
    ] = None,
    config: Config = None,
) -> None:
    """Give a program a token, shown this once: an exchange that pushes who calls.

    Example: sered central token --scope pbx
    """
    from sered.central import api_tokens

    with _central(config) as central:
        if withdraw is not None:
            typer.echo(f"{api_tokens.withdraw(central, withdraw)} token(s) shut out.")
            return
        typer.echo(api_tokens.issue(central, scope))


@user.command("add")
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
    with _central(config) as central:
        password = secrets.token_urlsafe(12) if generate else _password()
        people.add_user(central, login, password, roles, teams=team or (), name=name)
    typer.echo(f"{login} was added.")
    if generate:
        typer.echo(f"Password, shown this once: {password}")


@user.command("password")
def user_password(login: str, config: Config = None) -> None:
    """Give somebody another password; ends all of their sessions.

    Example: sered central user password ann
    """
    from sered.central import people

    with _central(config) as central:
        people.set_password(central, login, _password())
    typer.echo(f"{login} has another password.")


@user.command("disable")
def user_disable(login: str, config: Config = None) -> None:
    """Shut somebody out at once.

    Example: sered central user disable ann
    """
    from sered.central import people

    with _central(config) as central:
        people.disable(central, login)
    typer.echo(f"{login} is shut out.")


@user.command("list")
def user_list(config: Config = None, as_json: options.Json = False) -> None:
    """List users with roles and teams.

    Example: sered central user list
    """
    from sered.central import people

    with _central(config) as central:
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


def _settings(path: Path | None) -> CentralSettings:
    from sered.central import configuration

    return configuration.load(path)


@contextmanager
def _central(path: Path | None) -> Iterator[Central]:
    """Central on its store, for one command; raises StoreError where the store is another one."""
    from sered.central.context import open_central
    from sered.central.store import migrate

    central = open_central(_settings(path))
    try:
        migrate.check(central.store)
        yield central
    finally:
        central.store.close()
