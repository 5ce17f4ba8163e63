"""What a telephone exchange says of one call, and whose call that was. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

Direction = Literal["in", "out"]
_WITHHELD = {"", "anonymous", "unknown", "restricted", "private", "withheld", "unavailable", "s"}
_LONGEST_INTERNAL = 6
"""Digits of an extension; a longer number is somebody outside."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One record as the exchange gives it: who called whom, in its own words."""

    id: str
    source: str
    """csv, cti or ami."""
    callers: tuple[str, ...] = field(repr=False)
    """What may be the calling side, the likeliest first."""
    called: tuple[str, ...] = field(repr=False)
    """What may be the called side, the likeliest first."""
    started: datetime
    answered: datetime | None
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class PbxCall:
    """One call of a desk that sered listens to."""

    id: str
    extension: str
    direction: Direction
    number: str | None = field(repr=False)
    """Of the customer, `+` and digits; None: withheld."""
    started: datetime
    answered: datetime | None
    ended: datetime | None
    source: str


def of_desk(leg: Leg, extensions: Collection[str], country: str = "") -> PbxCall | None:
    """The call as one of our desks had it; None: no desk of ours, or a call between two."""
    called = next((name for name in leg.called if name in extensions), None)
    caller = next((name for name in leg.callers if name in extensions), None)
    if (called is None) == (caller is None):
        return None
    others = leg.callers if called is not None else leg.called
    numbers = [normal(other, country) for other in others]
    number = next((n for n in numbers if n is not None), None)
    if number is not None and len(number.lstrip("+")) <= _LONGEST_INTERNAL:
        # a colleague, or a short code: nobody to call back
        return None
    direction: Direction = "in" if called is not None else "out"
    extension = called if called is not None else caller
    assert extension is not None
    return PbxCall(
        leg.id, extension, direction, number, leg.started, leg.answered, leg.ended, leg.source
    )


def normal(text: str, country: str = "") -> str | None:
    """A number as `+` and digits where its country is known, else digits; None: withheld."""
    bare = text.strip().strip('"').removeprefix("tel:").removeprefix("sip:").partition("@")[0]
    if bare.lower() in _WITHHELD:
        return None
    # (0) is how people write the zero that is not dialled from abroad
    digits = re.sub(r"[\s()./-]", "", bare.replace("(0)", ""))
    if not re.fullmatch(r"(\+|00)?[0-9]{1,20}", digits) or digits.strip("0+") == "":
        return None
    if digits.startswith("00"):
        return "+" + digits[2:]
    if digits.startswith("0") and country:
        return f"+{country}{digits[1:]}"
    return digits


def masked(number: str | None) -> str:
    """What a list to choose from shows of a number: its last two digits."""
    if number is None:
        return "withheld"
    return "·" * max(len(number) - 2, 0) + number[-2:]
