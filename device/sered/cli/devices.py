"""`sered devices`: the inputs of this box by the names that stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from sered.cli import options
from sered.errors import DeviceError

if TYPE_CHECKING:
    from sered.settings import Settings
    from sered.tap.cards import Card


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(devices)


def devices(config: options.Config = None, as_json: options.Json = False) -> None:
    """List sound inputs by their stable names.

    That name goes into the configuration as `card`; it stays when cards are plugged anew.

    Example: sered devices
    """
    from sered.tap.cards import read_cards

    settings = options.settings(config)
    cards = read_cards()
    rows = [_row(card, cards, settings) for card in cards]
    if as_json:
        options.print_json(rows)
        return
    if not rows:
        typer.echo(
            "No sound card that records. Plug one in; in a container, pass /dev/snd through. "
            "An ALSA device of your own making is named pcm:NAME."
        )
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("card", "what it is", "other names", "line"):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(row["card"], row["title"], ", ".join(row["also"]), ", ".join(row["lines"]))
    options.console().print(table)
    typer.echo(f'\nIn the configuration, for example:\n\n[[line]]\ncard = "{rows[0]["card"]}"')


def _row(card: Card, cards: list[Card], settings: Settings) -> dict[str, Any]:
    own = [name for name in card.names if sum(name in other.names for other in cards) == 1]
    return {
        "card": own[0],
        "title": card.title,
        "also": own[1:],
        "lines": [line.name for line in settings.line if _is(card, line.card, cards)],
    }


def _is(card: Card, name: str, cards: list[Card]) -> bool:
    from sered.tap.cards import find, is_hardware

    try:
        return is_hardware(name) and find(name, cards) == card
    except DeviceError:
        return False
