"""`sered first-boot`: what the unit of that name runs before the service."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from sered.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("first-boot", hidden=True)(first_boot)


def first_boot(
    card: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where the card's boot partition is mounted.")
    ] = Path("/boot/firmware"),
    root: Annotated[Path, typer.Option(metavar="FOLDER", help="Whose /etc is written.")] = Path(
        "/"
    ),
    whole: Annotated[
        bool,
        typer.Option("--whole", help="Network, name, time zone and SSH too: the box is sered's."),
    ] = False,
) -> None:
    """Take over what lies on the card, and say there what came of it.

    Example: sudo sered first-boot
    """
    from sered.boot.takeover import take_over

    try:
        found = take_over(card, root, whole=whole)
    except (OSError, subprocess.CalledProcessError) as error:
        msg = f"{card}: cannot be taken over ({error}). Is it mounted, and is this root?"
        raise ConfigError(msg) from error
    typer.echo("\n".join(found.says))
    if str(root) != "/":
        return
    if found.hostname:
        socket.sethostname(found.hostname)
    if found.ssh is not None:
        _ssh(on=found.ssh)


def _ssh(*, on: bool) -> None:
    """As the card says, for this start: which units start is decided anew at each."""
    command = ["systemctl", "--no-block", "start" if on else "stop", "ssh.service"]
    subprocess.run(command, check=False)
