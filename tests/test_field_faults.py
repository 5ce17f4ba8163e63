"""Faults that strangers hit: each row of ../shared/field-faults/EXPECT.tsv behaves as it says."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from project import Ended

    Sered = Callable[..., Ended]


@dataclass(frozen=True, slots=True)
class Analysed:
    """What `sered analyze --json` made of one input."""

    ended: Ended
    files: list[dict[str, Any]]

    @property
    def said(self) -> str:
        """All that a user may read of it."""
        return self.ended.err + json.dumps(self.files)

    @property
    def call(self) -> dict[str, Any]:
        """The only call."""
        ((call,),) = (file["calls"] for file in self.files)
        assert isinstance(call, dict)
        return call

    def judged(self, seconds: float, category: str | None = "negative") -> bool:
        """Whether so many seconds were judged, to that category."""
        whole = abs(self.call["duration_s"] - seconds) < 1.5
        return whole and bool(self.call["sentiment"]["category"] == category)


def _whole(found: Analysed) -> bool:
    """Heard to its end, each person on their side; how bad it was is the networks' to say."""
    call = found.call
    terms = " ".join(term["text"] for term in call["verbal"]["terms"])
    complaint = all(word in terms for word in ("terrible", "upset", "cancel", "money back"))
    sides = call["talk"]["customer_s"] > 4.0 and 1.5 < call["talk"]["agent_s"] < 3.0
    alarm: bool = call["sentiment"]["escalate"]
    return found.judged(10.0) and alarm and sides and complaint and not call["mixed"]


def _both_judged(found: Analysed) -> bool:
    """Of two that end in hang-up tones, no word of the second's beginning is missing."""
    first, second = (call for file in found.files for call in file["calls"])
    spoke = [call["talk"]["customer_s"] for call in (first, second)]
    alike = abs(spoke[0] - spoke[1]) < 0.6 and min(spoke) > 4.5
    return alike and "2 recordings are joined" in found.said


def _folder(found: Analysed) -> bool:
    judged = {file["file"].rsplit("/")[-1]: bool(file["calls"]) for file in found.files}
    assert set(judged) == {"a.wav", "b.WAV49", "c.gsm", "e.m4a"}
    named = judged["e.m4a"] or ("e.m4a" in found.ended.err and "ffmpeg -i" in found.ended.err)
    return named and all(judged[name] for name in ("a.wav", "b.WAV49", "c.gsm"))


def _mixed(found: Analysed) -> bool:
    call = found.call
    undetermined: str = call["sentiment"]["undetermined"]
    known = "same_on_both" in call["quality"]["notes"]
    return bool(call["mixed"]) and undetermined == "mixed_side" and known


RECORDINGS: dict[str, Callable[[Analysed], bool]] = {
    "recordings/whole.wav": _whole,
    "recordings/mp3_vbr_piped.mp3": lambda found: found.judged(10.0),
    "recordings/mp3_cbr_piped.mp3": lambda found: found.judged(10.0),
    "recordings/mp3_in_wav.wav": lambda found: found.judged(10.0),
    "recordings/mp3_two_joined.mp3": _both_judged,
    "recordings/wav_header_stale_quarter.wav": lambda found: (
        _whole(found) and "its header tells of 2.8 s, the file holds 11.0 s" in found.said
    ),
    "recordings/wav_size_zero.wav": _whole,
    "recordings/ogg_cut.ogg": lambda found: (
        found.ended.status == 1 and "cut off after 7.0 s" in found.said
    ),
    "recordings/pair_identical.wav": _mixed,
    "recordings/pair_antiphase.wav": lambda found: (
        found.call["talk"]["mixed_s"] > 5.0 and "cancel each other" in found.said
    ),
    "recordings/customer_left_right_empty.wav": lambda found: (
        "the customer's channel carries nothing at all" in found.said
        and "--sides customer=left,agent=right" in found.said
    ),
    "recordings/four_channels_talk_on_3_4.wav": lambda found: (
        "4 channels, of which 3 and 4 carry sound" in found.said and "--sides" in found.said
    ),
    "recordings/float_unscaled.wav": lambda found: (
        bool(found.call["utterances"]) and "far beyond full scale" in found.said
    ),
    "recordings/faint_58dBFS.wav": lambda found: (
        len(found.call["utterances"]) > 1 and "it is faint" in found.said
    ),
    "recordings/float_with_nan.wav": lambda found: (
        found.call["quality"]["lost_s"] > 0.0 and "Warning" not in found.said
    ),
    "recordings/g726_in_wav.wav": lambda found: (
        "G.726 (0x45)" in found.said
        and (bool(found.files[0]["calls"]) or "ffmpeg -i" in found.said)
    ),
    "recordings/folder": _folder,
}
"""What is right of each recording, as a condition on what came of it."""


def expected(shared: Path) -> dict[str, dict[str, str]]:
    """The rows of the table by their input."""
    with (shared / "field-faults/EXPECT.tsv").open(encoding="utf-8", newline="") as table:
        rows = csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["file"]: row for row in rows}


@pytest.mark.shared
@pytest.mark.parametrize("name", RECORDINGS)
@pytest.mark.slow
def test_recordings(
    name: str, shared: Path, sered: Sered, recwarn: pytest.WarningsRecorder
) -> None:
    """A recording of the table is judged to its end, or what is wrong with it is said."""
    row = expected(shared)[name]
    options = row["command"].partition("sered analyze")[2].replace(" folder", "").split()
    ended = sered("analyze", shared / "field-faults" / name, "--json", *options)
    found = Analysed(ended, json.loads(ended.out) if ended.out else [])
    assert RECORDINGS[name](found), f"wanted: {row['right']}; came: {found.said}"
    assert "Traceback" not in ended.err
    # others nobody is shown, and what another test left open is told whenever it is collected
    hidden = (ResourceWarning, DeprecationWarning, PendingDeprecationWarning)
    assert not [each for each in recwarn if not issubclass(each.category, hidden)]


@pytest.mark.shared
def test_no_recording_is_forgotten(shared: Path) -> None:
    """Every recording of the table has its condition here."""
    assert {name for name in expected(shared) if name.startswith("recordings/")} == set(RECORDINGS)
