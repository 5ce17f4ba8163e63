"""Reads a table of phrases and valences: sered's own, or a site's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.errors import ModelError
from sered.words.phrases import PhraseBook

if TYPE_CHECKING:
    from pathlib import Path


def read_lexicon(path: Path) -> list[tuple[str, float]]:
    """Phrases and valences of a table; raises ModelError with the line at fault."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        msg = f"wanted a call lexicon in {path}; found {fault}: check the path and the file"
        raise ModelError(msg) from fault
    entries = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        phrase, _, rest = line.partition("\t")
        try:
            valence = float(rest.split("\t")[0])
            PhraseBook([(phrase, valence)])
        except ValueError as fault:
            msg = (
                f"wanted a phrase, a tab and a valence in {path}, line {number}; "
                f"found {line[:60]!r} ({fault}): correct the line"
            )
            raise ModelError(msg) from fault
        if not -4.0 <= valence <= 4.0:
            msg = f"wanted a valence from -4 to 4 in {path}, line {number}; found {valence:g}"
            raise ModelError(msg)
        entries.append((phrase, valence))
    return entries
