"""The man page and the shells' completions, made from the commands: manual_page FOLDER."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.completion import get_completion_script  # type: ignore[attr-defined] # no stub

from sered import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

MAN = Path("man/man1/sered.1")
COMPLETIONS = {
    "bash": Path("bash-completion/completions/sered"),
    "zsh": Path("zsh/site-functions/_sered"),
    "fish": Path("fish/vendor_completions.d/sered.fish"),
}
"""Shell to place below a share folder."""

_FILES = (
    ("/etc/sered/sered.toml", "The configuration; `sered config init` writes one."),
    ("/etc/sered/mqtt-password", "The password at the broker, for root only."),
    ("/var/lib/sered/spool.db", "Verdicts that the broker has not acknowledged."),
    ("/var/lib/sered/models", "Models that `sered models fetch` brought."),
)
_ENVIRONMENT = (
    ("SERED_CONFIG", "The configuration, where --config names none."),
    ("SERED_MQTT_PASSWORD", "The password at the broker."),
)


def write(folder: Path) -> None:
    """Write the page and the completions below a share folder; raises OSError."""
    texts = {folder / MAN: page()}
    for shell, place in COMPLETIONS.items():
        texts[folder / place] = get_completion_script(
            prog_name="sered", complete_var="_SERED_COMPLETE", shell=shell
        )
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text.strip()}\n", encoding="utf-8")


def page() -> str:
    """The man page in roff."""
    from sered.cli import app

    root = typer.main.get_command(app)
    about, _, more = (root.help or "").partition("\n\n")
    lines = [
        f'.TH SERED 1 "" "sered {__version__}"',
        ".SH NAME",
        f"sered \\- {_roff(about.rstrip('.'))}",
        ".SH SYNOPSIS",
        ".B sered",
        ".I COMMAND",
        "[options]",
        ".SH DESCRIPTION",
        *_paragraphs(more),
        ".SH COMMANDS",
        *_commands(root, "sered"),
        ".SH FILES",
        *_terms(_FILES),
        ".SH ENVIRONMENT",
        *_terms(_ENVIRONMENT),
    ]
    return "\n".join(lines)


def _commands(command: Any, path: str) -> Iterator[str]:
    for name, each in getattr(command, "commands", {}).items():
        if getattr(each, "commands", None):
            yield from _commands(each, f"{path} {name}")
            continue
        context = each.make_context(name, [], resilient_parsing=True)
        yield f".SS {_roff(f'{path} {name}')}"
        yield from _paragraphs(each.help or "")
        yield from _options(each, context)


def _options(command: Any, context: Any) -> Iterator[str]:
    rows = [row for each in command.get_params(context) if (row := each.get_help_record(context))]
    yield from _terms(rows)


def _terms(rows: tuple[tuple[str, str], ...] | list[tuple[str, str]]) -> Iterator[str]:
    for term, text in rows:
        yield ".TP"
        yield f".B {_roff(term)}"
        yield _roff(" ".join(text.split()))


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        yield ".PP"
        yield _roff(" ".join(paragraph.split()))


def _roff(text: str) -> str:
    plain = text.replace("\\", r"\e").replace("-", r"\-")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain


if __name__ == "__main__":
    write(Path(sys.argv[1]))
