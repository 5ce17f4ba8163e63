"""`sered central`: set it up, check it, run it, its users, a site's lists, and a simulation."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from sered.cli import (
    central_demo,
    central_enrol,
    central_figures,
    central_rights,
    central_users,
    options,
)
from sered.cli.central_options import Config, opened, settings_of
from sered.cli.run import log_to_stderr
from sered.errors import ConfigError, SeredError

app = typer.Typer(
    help="The half that listens: cases for people who call back.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
app.add_typer(central_users.app, name="user")
app.command()(central_demo.demo)
central_figures.add_to(app)
central_rights.add_to(app)
central_enrol.add_to(app)


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
    settings = settings_of(path if path.exists() else None)
    password = settings.store.password
    store = Store(settings.store.url, password.get_secret_value() if password else None)
    before = migrate.current(store)
    migrate.upgrade(store)
    after, newer = migrate.current(store), migrate.is_newer(store)
    store.close()
    if newer:
        ours = f"this central ({migrate.wanted()})"
        typer.echo(f"The store's tables are of version {after} and stay so: {ours} can use them.")
    elif before == after:
        typer.echo(f"The store is of version {after} already.")
    else:
        typer.echo(f"The store's tables are of version {after} now (before: {before or 'none'}).")
    if before and before < (oldest := migrate.usable()):
        typer.echo(
            f"Versions of central before {oldest} cannot use them: bring every other host up now."
        )


@app.command()
def check(config: Config = None, as_json: options.Json = False) -> None:
    """Name every fault in the configuration at once; reach nothing.

    Example: sered central check --config central.toml
    """
    try:
        settings = settings_of(config)
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
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="The board's; else [web] port.")
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
    settings = settings_of(config)
    if port is not None:
        web = settings.web.model_copy(update={"port": port})
        settings = settings.model_copy(update={"web": web})
    log_to_stderr(settings.log_level)
    central = open_central(settings)
    migrate.check(central.store)
    board = None
    if "web" in parts:
        from sered.central.web.server import BoardServer

        board = BoardServer(central)
        scheme = "https" if settings.web.cert else "http"
        typer.echo(f"The board is at {scheme}://{settings.web.host}:{board.port}/", err=True)
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

    with opened(config) as central:
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

    settings = settings_of(config)
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
    scope: Annotated[str, typer.Option(help="What it is good for: pbx or metrics.")] = "pbx",
    withdraw: Annotated[
        str | None, typer.Option(metavar="START", help="Shut out those whose digest begins so.")
    ] = None,
    config: Config = None,
) -> None:
    """Give a program a token, shown this once: an exchange that pushes who calls, or a Prometheus.

    Example: sered central token --scope pbx
    """
    from sered.central import api_tokens

    with opened(config) as central:
        if withdraw is not None:
            typer.echo(f"{api_tokens.withdraw(central, withdraw)} token(s) shut out.")
            return
        typer.echo(api_tokens.issue(central, scope))
