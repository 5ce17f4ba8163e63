"""`sered devices`: the inputs of this box by the names that stay."""

from __future__ import annotations

import typer

from sered.cli import options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(devices)


def devices(as_json: options.Json = False) -> None:
    """List sound inputs by their stable names.

    That name goes into the configuration as `card`; it stays when cards are plugged anew.

    Example: sered devices
    """
