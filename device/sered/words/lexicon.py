"""Reads a table of phrases and valences: sered's own, or a site's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sered import spelling
from sered.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

_MARK = "\ufeff"
"""Editors put it before a text, and joined files have it in between."""


def read_lexicon(path: Path) -> list[tuple[str, float]]:
    """Phrases and valences of a table; raises ModelError with the line at fault."""
    entries, faults = scan_lexicon(path)
    if faults:
        raise ModelError(faults[0])
    return entries


def scan_lexicon(path: Path) -> tuple[list[tuple[str, float]], list[str]]:
    """Phrases and valences of a table's good lines, and a sentence for each line that is not.

    A phrase that stands there twice is at fault the second time.
    Raises ModelError where there is no table, or no phrase in it.
    """
    lines = _lines(path)
    entries: list[tuple[str, float]] = []
    faults: list[str] = []
    met: dict[str, int] = {}
    for number, raw in enumerate(lines, 1):
        line = raw.strip("\r").replace(_MARK, "")
        if not line.strip() or line.startswith("#"):
            continue
        try:
            phrase, valence = _entry(line)
            _is_new(phrase, number, met)
            entries.append((phrase, valence))
        except ValueError as fault:
            faults.append(
                f"wanted a phrase, a tab and a valence in {path}, line {number}; "
                f"found {line[:60]!r} ({fault}): correct the line"
            )
    if not entries and not faults:
        msg = f"wanted phrases in {path}; found none: put the lexicon back that came with sered"
        raise ModelError(msg)
    return entries, faults


def _lines(path: Path) -> list[str]:
    try:
        if path.exists() and not path.is_file():
            what = "a folder" if path.is_dir() else "no plain file"
        else:
            return path.read_bytes().decode("utf-8").split("\n")
    except UnicodeDecodeError:
        what = "other bytes than UTF-8; save it as UTF-8"
    except OSError as fault:
        what = (fault.strerror or "a fault").lower()
    msg = f"wanted a call lexicon in {path}; found {what}: check the path and the file"
    raise ModelError(msg)


def _is_new(phrase: str, number: int, met: dict[str, int]) -> None:
    if (first := met.setdefault(phrase, number)) != number:
        raise ValueError(f"line {first} says the same words; keep one of both")


def _entry(line: str) -> tuple[str, float]:
    """A line's phrase and valence; ValueError with a reason."""
    phrase, tab, rest = line.partition("\t")
    number = rest.split("\t")[0].strip()
    if not tab:
        raise ValueError("there is no tab in it")
    try:
        valence = float(number)
    except ValueError:
        meant = number.replace(",", ".").replace("−", "-")
        hint = f"; did you mean {meant}?" if re.fullmatch(r"[+-]?\d+(\.\d+)?", meant) else ""
        raise ValueError(f"{number!r} is no number{hint}") from None
    if not -4.0 <= valence <= 4.0:
        raise ValueError(f"{number} is not from -4 to 4")
    return spelling.phrase(phrase), valence
