"""`sered enrol`: a new box asks central for its certificate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sered.cli import options
from sered.errors import ConfigError

_TOKEN = Path("/boot/firmware/sered-enrol-token")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(enrol)


def enrol(
    central: Annotated[str, typer.Option(metavar="URL", help="Central's board, https://HOST.")],
    token_file: Annotated[
        Path, typer.Option(metavar="FILE", help="Holds the token; it goes when all is done.")
    ] = _TOKEN,
    ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Authority of central's https, if private.")
    ] = None,
    wait_s: Annotated[
        float, typer.Option("--wait-s", min=0.0, help="Seconds to wait for a person's yes.")
    ] = 3600.0,
    every_s: Annotated[float, typer.Option("--every-s", min=0.1, hidden=True)] = 5.0,
    config: options.Config = None,
) -> None:
    """Get this box's certificate from central, with a one-time token in place of secrets.

    The box makes its own key, which never leaves it. Compare the fingerprint that is printed with
    the one on the board. Where nobody says yes in time it ends with 1: do it again.

    Example: sudo sered enrol --central https://central.example.com
    """
    from sered.boot.enrolment import Registrar
    from sered.boot.enrolment import enrol as enrolled
    from sered.contract.plain import plain

    try:
        token = token_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        msg = f"{token_file}: cannot be read. Put the token of `sered central enrol` there."
        raise ConfigError(msg) from None
    settings = options.settings(config)
    registrar = Registrar(central, token, ca)
    if not enrolled(settings, registrar, lambda said: typer.echo(plain(said)), wait_s, every_s):
        raise typer.Exit(1)
    token_file.unlink(missing_ok=True)
    typer.echo("Restart the service to use it: sudo systemctl restart sered")
