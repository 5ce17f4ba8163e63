"""What several commands share: options and what they come to, and where text goes."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO, cast

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from sered.settings import Settings

_WIDEST = 2_000
"""Columns of a pipe: a program that reads lines wants none of them broken."""

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


class _Bare:
    """A stream that is given no blanks at the end of its lines: a table fills its columns."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:
        """The stream's."""
        return self._stream.encoding or "utf-8"

    def isatty(self) -> bool:
        """It is no terminal."""
        return False

    def write(self, text: str) -> int:
        """Write whole lines, as a console gives them."""
        self._stream.write(re.sub(r"[ \t]+(?=\n)", "", text))
        return len(text)

    def flush(self) -> None:
        """Hand on what was written."""
        self._stream.flush()


def console(*, err: bool = False) -> Console:
    """A terminal as wide as it is; elsewhere lines that nothing wraps or fills."""
    from rich.console import Console

    plain = Console(stderr=err, highlight=False, markup=False, emoji=False)
    if plain.is_terminal:
        return plain
    stream = cast("TextIO", _Bare(sys.stderr if err else sys.stdout))
    # COLUMNS counts, where somebody set it
    width = shutil.get_terminal_size((_WIDEST, 24)).columns
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def print_json(value: Any) -> None:
    """One value on stdout, indented."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
