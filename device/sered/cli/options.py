"""Options that several commands share, and what they come to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from sered.settings import Settings

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="Configuration; without it $SERED_CONFIG, /etc/sered/sered.toml, or the defaults.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="For machines: JSON on stdout.")]
Mode = Annotated[
    str | None,
    typer.Option(help="What is judged: audio, text or both; without it as configured."),
]


def settings(path: Path | None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The configuration in force; raises ConfigError."""
    from sered.config import load

    return load(path, {key: value for key, value in (overrides or {}).items() if value is not None})


def console(*, err: bool = False) -> Console:
    """A terminal, or plain text where there is none."""
    from rich.console import Console

    return Console(stderr=err, highlight=False, markup=False, emoji=False)


def print_json(value: Any) -> None:
    """One value on stdout, indented."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
