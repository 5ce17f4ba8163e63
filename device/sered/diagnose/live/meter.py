"""The level meter that one wires a tap by: a bar for each side. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from sered.records import State

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence

    from sered.diagnose.live.overhear import Look

LOWEST_DB = -70.0
LOUD_DB, CLIPPING_DB = -12.0, -3.0
TALK_DB = -45.0
"""dB of full scale; fainter speech is hard for recogniser and judge."""
NAMES = {
    State.SILENCE: "quiet",
    State.NOISE: "noise",
    State.DIAL: "dial tone",
    State.RINGBACK: "ringing",
    State.BUSY: "busy tone",
    State.REORDER: "reorder",
    State.HOWLER: "howler",
    State.SIT: "no such number",
    State.DTMF: "key",
    State.FAX: "fax",
    State.MUSIC: "music",
    State.SPEECH: "speech",
}
_NUMBER = len(" -70 dBFS")
_WORD = max(map(len, NAMES.values())) + 1
_NAME = len("customer") + 1
_SHORTEST = 8


def rows(
    line: str, look: Look, came: Mapping[str, Counter[str]], sides: Sequence[str], width: int
) -> list[Text]:
    """A line's name and a bar for each side, none wider than `width` columns."""
    title = Text(line, "bold")
    if look.trouble:
        title.append(f"  {look.trouble}", "red")
    out = [title]
    for side in sides:
        level = look.levels_db.get(side)
        out.append(_side(side, level, _carries(came.get(side)), width))
    for row in out:
        row.truncate(width)
    return out


def _side(side: str, level_db: float | None, carries: str, width: int) -> Text:
    room = width - _NAME - _NUMBER - 2
    words = room - _WORD >= _SHORTEST
    length = max(room - (_WORD if words else 0), _SHORTEST)
    row = Text(f"{side:<{_NAME}}[")
    row.append_text(bar(level_db, length))
    row.append("]")
    row.append(f"{'  no sound' if level_db is None else f'{level_db:4.0f} dBFS'}")
    if words:
        row.append(f" {carries}", "dim")
    return row


def bar(level_db: float | None, length: int) -> Text:
    """`length` columns from LOWEST_DB to full scale; the style tells too loud and clipping."""
    level = LOWEST_DB if level_db is None else level_db
    share = min(max((level - LOWEST_DB) / -LOWEST_DB, 0.0), 1.0)
    filled = round(share * length)
    style = "red" if level > CLIPPING_DB else "yellow" if level > LOUD_DB else "green"
    marks = "".join(
        "|" if at in (_at(TALK_DB, length), _at(LOUD_DB, length)) else "-"
        for at in range(filled, length)
    )
    return Text().append("#" * filled, style).append(marks, "dim")


def _at(level_db: float, length: int) -> int:
    return round((level_db - LOWEST_DB) / -LOWEST_DB * length)


def _carries(came: Counter[str] | None) -> str:
    """What the side carried most lately, sounds before silence."""
    if not came:
        return ""
    sounding = {State(letter): n for letter, n in came.items() if letter != State.SILENCE}
    if not sounding:
        return NAMES[State.SILENCE]
    return NAMES[max(sounding, key=lambda state: (state is not State.NOISE, sounding[state]))]
