"""Which files a command is to judge: those named, and those of the folders named."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from sered.errors import AudioError
from sered.tap.identify import RAW
from sered.tap.paths import shown
from sered.tap.unreadable import CONVERTED

SUFFIXES = CONVERTED | RAW.keys() | {
    ".wav", ".wave", ".wav49", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2",
    ".mpga", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".sd2", ".voc", ".ircam", ".sph",
    ".nist", ".avr", ".htk", ".svx", ".paf", ".sox", ".nut", ".dss", ".qcp", ".rm", ".mpc",
}  # fmt: skip
"""What a folder is searched for; a file that is named is always tried."""
_MARKS = (
    b"RIFF", b"RIFX", b"RF64", b"fLaC", b"OggS", b".snd", b"dns.", b"FORM", b"ID3", b"#!AMR",
    b"\x1aE\xdf\xa3", b"caff", b"\x30\x26\xb2\x75",
)  # fmt: skip
"""How sound begins, whatever its name is."""
_MOST_NAMED = 10


@dataclass(slots=True)
class Recordings:
    """Recordings in the order in which they are judged, and what was passed over."""

    files: list[str] = field(default_factory=list)
    """Their names: a Path for each of a million would take thrice as much memory."""
    passed_over: list[tuple[Path, str]] = field(default_factory=list)
    """Each with the reason."""

    def sentence(self) -> str:
        """What was passed over, counted and named; empty for nothing."""
        if not self.passed_over:
            return ""
        named = [f"{shown(path)} ({why})" for path, why in self.passed_over[:_MOST_NAMED]]
        more = len(self.passed_over) - len(named)
        rest = f" and {more} more" if more else ""
        count = len(self.passed_over)
        return f"passed over {count} file{'s' * (count != 1)}: {', '.join(named)}{rest}."


def find(named: list[Path]) -> Recordings:
    """Every recording named or in a folder named; raises AudioError for a folder without any."""
    found = Recordings()
    for path in named:
        # Path.is_dir raises in a folder that may not be entered; the file says it better
        if not os.path.isdir(path):  # noqa: PTH112 - see above
            found.files.append(str(path))
            continue
        inside = _search(path)
        if not inside.files:
            rest = f" It has other files: {inside.sentence()}" if inside.passed_over else ""
            msg = f"{shown(path)}: no recordings in this folder.{rest}"
            raise AudioError(msg)
        found.files += inside.files
        found.passed_over += inside.passed_over
    return found


def _search(folder: Path) -> Recordings:
    found = Recordings()

    def closed(error: OSError) -> None:
        found.passed_over.append((Path(error.filename), f"cannot be entered: {error.strerror}"))

    for at, folders, names in os.walk(folder, onerror=closed):
        folders.sort()
        for name in sorted(names):
            path = Path(at, name)
            why = _why_not(path)
            if why:
                found.passed_over.append((path, why))
            else:
                found.files.append(str(path))
    # as paths are sorted, part by part; no name holds what stands between them here
    found.files.sort(key=lambda name: name.replace(os.sep, "\0"))
    return found


def _why_not(path: Path) -> str:
    """Why a file of a folder is passed over; empty for one that is tried."""
    if path.name.startswith("."):
        return "hidden"
    try:
        if not path.is_file():
            return "no plain file"
        if path.suffix.lower() in SUFFIXES:
            return ""
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if head.startswith(_MARKS) or head[4:8] == b"ftyp":
        return ""
    return "no recording by its name or beginning"
