"""`sered front`: the light and the page of a box, beside the service and apart from it."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sered.cli import options
from sered.errors import ConfigError, SeredError

if TYPE_CHECKING:
    from sered.front.light import Light
    from sered.front.server import PageServer
    from sered.settings import Settings

log = logging.getLogger(__name__)
TOKEN = Path("/etc/sered/page-token")
_LEDS = Path("/sys/class/leds")
_DOCTOR_S = 60.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(hidden=True)(front)


def front(
    config: options.Config = None,
    token: Annotated[
        Path, typer.Option(metavar="FILE", help="Whose first line is the page's token.")
    ] = TOKEN,
    leds: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the lights are.")] = _LEDS,
) -> None:
    """Show how the service is, by the light and the page that the configuration names.

    With neither there is nothing to do, and it ends at once.

    Example: sered front
    """
    settings = options.settings(config)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    light, server = _light(settings, leds), _page(settings, token)
    if light is None and server is None:
        typer.echo("Neither page_port nor a light: nothing to show.")
        return
    if server:
        threading.Thread(target=server.serve_forever, name="page", daemon=True).start()
        typer.echo(f"The page is on port {server.server_address[1]}.")
    if light:
        light.follow(_state, stop.is_set)
    stop.wait()
    if server:
        server.shutdown()


def _state() -> Any:
    from sered import config as surroundings
    from sered.box import snapshot

    return snapshot.read(surroundings.RUNTIME_DIR)


def _light(settings: Settings, leds: Path) -> Light | None:
    from sered.front.light import Light

    folder = leds / settings.led
    if settings.led == "none" or not folder.is_dir():
        return None
    try:
        return Light(folder)
    except OSError as error:
        typer.echo(f"The light {folder} cannot be used ({error.strerror}).", err=True)
        return None


def _page(settings: Settings, token: Path) -> PageServer | None:
    from sered.config.secret import SecretError, first_line
    from sered.front.server import Looks, PageServer

    if settings.page_port is None:
        return None
    try:
        secret = first_line(token)
    except SecretError as error:
        msg = f"The page wants a token: {error}."
        raise ConfigError(msg) from None
    if len(secret) < 16:
        msg = f"{token}: wanted at least 16 signs; found {len(secret)}."
        raise ConfigError(msg)
    name = f"{settings.site} / {settings.device}"
    try:
        address = ("", settings.page_port)
        return PageServer(address, secret, name, Looks(_state, _examine))
    except OSError as error:
        msg = f"page_port = {settings.page_port} cannot be had: {error.strerror}."
        raise SeredError(msg) from None


def _examine() -> dict[str, Any]:
    """The doctor in a process of its own, as anybody else would ask him."""
    from sered.front import view

    command = [sys.executable, "-m", "sered", "diagnose", "--json"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_DOCTOR_S, check=False
        )
        report = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return {"said": "The doctor could not be asked.", "findings": []}
    found = view.findings(report)
    well = report["summary"]["ok"]
    return {"said": f"{well} well, {len(found)} to be looked at.", "findings": found}
