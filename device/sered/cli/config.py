"""`sered config`: write one to start from, show the one in force, find every fault in one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sered.cli import options
from sered.errors import ConfigError

if TYPE_CHECKING:
    from sered.settings import Settings

app = typer.Typer(
    help="Write, show and check the configuration.", rich_markup_mode=None, no_args_is_help=True
)

_SECRET = 0o640


@app.command()
def init(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; '-' prints it.")] = Path(
        "/etc/sered/sered.toml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a configuration in which every setting stands commented with its default.

    Example: sudo sered config init
    """
    from sered.config.sample import default_toml

    text = default_toml()
    if str(path) == "-":
        typer.echo(text, nl=False)
        return
    if path.exists() and not force:
        msg = f"{path}: is there already and was left alone. Use --force to replace it."
        raise ConfigError(msg)
    beside = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _SECRET)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
        beside.replace(path)
    except OSError as error:
        msg = f"{path}: cannot be written ({error.strerror}). Try with sudo, or name another file."
        raise ConfigError(msg) from error
    typer.echo(f"Wrote {path}. Set site, [[line]] card and [mqtt] host, then: sered config check")


@app.command()
def show(config: options.Config = None, as_json: options.Json = False) -> None:
    """Show the configuration in force, secrets as stars.

    Example: sered config show --config sered.toml
    """
    from sered.config.sample import show as as_toml

    settings = options.settings(config)
    if as_json:
        options.print_json(settings.model_dump(mode="json"))
    else:
        typer.echo(as_toml(settings), nl=False)


@app.command()
def check(
    path: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Instead of --config.")
    ] = None,
    config: options.Config = None,
    as_json: options.Json = False,
    without_files: Annotated[
        bool,
        typer.Option(
            "--without-files", help="Not the files it names: they lie on another machine."
        ),
    ] = False,
) -> None:
    """Name every fault in a configuration at once, with file, line and a suggestion.

    Everything that it names is loaded, as the service will: models, lists, certificates.
    Exit status 0 when there is none, 2 otherwise.

    Example: sered config check sered.toml
    """
    try:
        settings = _examined(path or config, without_files=without_files)
    except ConfigError as error:
        if as_json:
            options.print_json({"ok": False, "faults": list(error.faults)})
            raise typer.Exit(error.exit_code) from None
        raise
    if as_json:
        options.print_json({"ok": True, "faults": []})
        return
    broker = f"{settings.mqtt.host}:{settings.mqtt.port}"
    typer.echo(
        f"No faults: site {settings.site}, device {settings.device}, "
        f"{len(settings.line)} line(s), mode {settings.mode}, broker {broker}."
    )


def _examined(path: Path | None, *, without_files: bool) -> Settings:
    """What cannot work together and what is named in vain are told in one go."""
    from sered.box import named
    from sered.config import complaint, survey

    settings, faults = survey(path)
    told = {fault.loc for fault in faults}
    if not without_files:
        faults += [fault for fault in named.faults(settings) if fault.loc not in told]
    if faults:
        raise complaint(path, faults)
    return settings
