"""`sered models`: what is there, what fits this box, fetch the official ones, check them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sered.cli import options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sered.settings import Settings

app = typer.Typer(
    help="List, fetch and verify the models.", rich_markup_mode=None, no_args_is_help=True
)

HOME = Path("/var/lib/sered/models")
_MB = 1_000_000
_Into = Annotated[Path, typer.Option("--into", metavar="DIR", help="Folder of fetched models.")]


@app.command("list")
def list_(into: _Into = HOME, config: options.Config = None, as_json: options.Json = False) -> None:
    """List the models that are here and the official ones, and what fits this box.

    Example: sered models list
    """
    rows = list(_rows(options.settings(config), into))
    if as_json:
        options.print_json(rows)
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("model", no_wrap=True)
    table.add_column("size", no_wrap=True, justify="right")
    table.add_column("state")
    table.add_column("what for")
    for row in rows:
        table.add_row(row["name"], f"{row['size_mb']} MB", row["state"], row["about"])
    options.console().print(table)
    if any(row["name"] == "vosk-mini" and row["state"] == "in use" for row in rows):
        typer.echo("\nvosk-mini is for the demo and the tests. On a site: sudo sered models fetch")


def _rows(settings: Settings, into: Path) -> Iterator[dict[str, Any]]:
    from sered import config
    from sered.words.fetch import MANIFEST, SOURCES

    emotion = config.model_path(settings.models.emotion)
    vosk = config.model_path(settings.models.vosk)
    shipped = set(config.models_dir().glob("emotion*.tflite"))
    for network in sorted({emotion, *shipped}, key=lambda path: (path != emotion, path.name)):
        yield _here(network, "in use" if network == emotion else "here", _terms(network))
    about = {source.name: source.about for source in SOURCES}
    mini = config.models_dir() / "vosk-mini"
    about[mini.name] = "words, for the demo and the tests only"
    used = vosk
    if settings.models.recogniser == "whisper":
        used = config.model_path(settings.models.whisper)
    folders = {vosk, used, mini, *(into / source.name for source in SOURCES)}
    for folder in sorted(folders, key=lambda folder: (folder != used, folder.name)):
        if folder.is_dir() or folder == used:
            state = "in use" if folder == used else "here"
            yield _here(folder, state, about.get(folder.name, "words"))
    memory_mb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _MB
    for source in SOURCES:
        if not (into / source.name / MANIFEST).is_file():
            # half of the box is for the system, the network and the calls that run
            fits = source.memory_mb * 2 <= memory_mb
            yield {
                "name": source.name,
                "path": None,
                "size_mb": source.size_mb,
                "state": "to fetch, fits" if fits else "to fetch, too big for this box",
                "about": source.about,
                "fits": fits,
            }


def _terms(network: Path) -> str:
    """What a network is for, and who may use it as its sidecar says."""
    from sered.errors import ModelError
    from sered.voice.sidecar import read_sidecar

    try:
        terms = read_sidecar(network).terms
    except ModelError:
        return "emotion in the voice; `sered models verify` says what is wrong with it"
    return f"emotion in the voice. {terms}".rstrip()


def _here(path: Path, state: str, about: str) -> dict[str, Any]:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    return {
        "name": path.name,
        "path": str(path),
        "size_mb": round(size / _MB, 1 if size < 10 * _MB else None),
        "state": state if files else "missing",
        "about": about,
        "fits": True,
    }


@app.command()
def fetch(
    name: Annotated[
        str | None, typer.Argument(help="Which; without it the small US English one.")
    ] = None,
    into: _Into = HOME,
    mirror: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="URL|DIR", help="A mirror, or a folder such as a USB stick."
        ),
    ] = None,
) -> None:
    """Download an official Vosk model: resumed where it was cut, checked before it is used.

    Example: sudo sered models fetch
    """
    from sered.errors import ConfigError
    from sered.words.fetch import SOURCES
    from sered.words.fetch import fetch as fetch_model

    source = next((s for s in SOURCES if s.name == (name or SOURCES[0].name)), None)
    if source is None:
        known = ", ".join(s.name for s in SOURCES)
        msg = f"{name}: not one of the models that can be fetched: {known}."
        raise ConfigError(msg)
    typer.echo(f"{source.name}, {source.size_mb} MB, to {into}", err=True)
    folder = fetch_model(source, into, _Progress(), mirror)
    typer.echo(f'Here and whole. In the configuration:\n\n[models]\nvosk = "{folder}"')


class _Progress:
    """A line that counts on a terminal; a line every quarter elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._said = 0

    def __call__(self, done: int, total: int | None) -> None:
        share = done / total if total else 0.0
        of = f" of {total / _MB:.1f}" if total else ""
        text = f"{done / _MB:.1f}{of} MB"
        if self._terminal:
            end = "\n" if done == total else ""
            typer.echo(f"\r  {share:4.0%}  {text}{end}", err=True, nl=False)
        elif int(share * 4) > self._said:
            self._said = int(share * 4)
            typer.echo(f"  {text}", err=True)


@app.command()
def verify(
    into: _Into = HOME, config: options.Config = None, as_json: options.Json = False
) -> None:
    """Check every model that is here: checksums, and that the ones in use load.

    Exit status 1 when one is broken.

    Example: sered models verify
    """
    results = list(_verified(options.settings(config), into))
    if as_json:
        options.print_json(results)
    else:
        for result in results:
            typer.echo(
                f"{'ok    ' if result['ok'] else 'BROKEN'}  {result['name']}: {result['text']}"
            )
    if not all(result["ok"] for result in results):
        raise typer.Exit(1)


def _verified(settings: Settings, into: Path) -> Iterator[dict[str, Any]]:
    from sered import config
    from sered.errors import ModelError
    from sered.voice.emotion import TfliteEmotion
    from sered.words.fetch import SOURCES, damage
    from sered.words.network import WITHOUT
    from sered.words.networks import load_network
    from sered.words.polarity import CallPolarity
    from sered.words.recognisers import load_recogniser

    models = settings.models

    def lexicon(path: Path) -> object:
        return CallPolarity(path, settings.verdict.extra_lexicon, "none")

    def recogniser(_path: Path) -> object:
        return load_recogniser(models, config.model_path)

    named = models.sentences
    heard_by = models.whisper if models.recogniser == "whisper" else models.vosk
    sentences = [] if named == WITHOUT else [(config.model_path(named), load_network)]
    for path, load in (
        (config.model_path(settings.models.emotion), TfliteEmotion),
        (config.model_path(heard_by), recogniser),
        (config.model_path(settings.models.lexicon), lexicon),
        *sentences,
    ):
        try:
            load(path)
        except ModelError as error:
            yield {"name": path.name, "ok": False, "text": str(error)}
        else:
            yield {"name": path.name, "ok": True, "text": "loads"}
    for source in SOURCES:
        folder = into / source.name
        if folder.is_dir():
            bad = damage(folder)
            text = f"{len(bad)} file(s) changed or gone: {', '.join(bad[:3])}; fetch it again"
            yield {
                "name": source.name,
                "ok": not bad,
                "text": text if bad else "every file as it was fetched",
            }
