"""What a user should know of a recording before its verdict is believed. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sered.records import Side
from sered.tap.survey import AUDIBLE_DB

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sered.channels import Channel
    from sered.tap.survey import Survey

FAINT_DB = -43.0
"""Whose loudest half second is no louder is turned up: faint voices start no call."""
_LEVEL_DB = -22.0
"""What it is turned up to."""
_NEITHER_DB = -60.0
_MUCH_CLIPPED = 1e-2
_NAMES: dict[Channel, str] = {1: "left", 2: "right"}


def gain_db(survey: Survey, sides: Mapping[Side, Channel]) -> float:
    """How far a recording is turned up, because all that is listened to is faint."""
    loudest = max(_loudest(survey, channel) for channel in sides.values())
    if not AUDIBLE_DB < loudest < FAINT_DB:
        return 0.0
    return round(_LEVEL_DB - loudest, 1)


def notes(survey: Survey, sides: Mapping[Side, Channel], turned_up_db: float) -> tuple[str, ...]:
    """Sentences, without the file's name; none where all is well."""
    return (
        *survey.stream.notes,
        *_samples(survey),
        *_levels(survey, sides, turned_up_db),
        *_silent_sides(survey, sides),
        *_not_listened(survey, sides),
    )


def _samples(survey: Survey) -> Iterator[str]:
    if survey.lost:
        lost_s = survey.lost / survey.stream.rate_hz
        count = f"{survey.lost} of its samples ({lost_s:.2g} s)"
        yield f"{count} are no numbers: counted as lost sound."
    if survey.scale != 1.0:
        times = 1.0 / survey.scale
        if times > 4.0:
            bits = round(math.log2(times)) + 1
            yield (
                f"its samples are far beyond full scale: taken for {bits}-bit numbers written as "
                "floats, and scaled back."
            )
        else:
            yield (
                f"its samples go up to {times:.1f} times full scale: turned down by "
                f"{20.0 * math.log10(times):.1f} dB."
            )


def _levels(survey: Survey, sides: Mapping[Side, Channel], turned_up_db: float) -> Iterator[str]:
    loudest = max(_loudest(survey, channel) for channel in sides.values())
    if turned_up_db:
        faint = f"it is faint, {loudest:.0f} dBFS where it is loudest"
        yield f"{faint}: turned up by {turned_up_db:.0f} dB."
    elif loudest <= AUDIBLE_DB:
        least = f"no louder than {loudest:.0f} dBFS" if loudest > -99.0 else "nothing but zeros"
        yield f"what was listened to is {least}: too faint to hear anybody."
    for side, channel in sides.items():
        if channel != "mono" and survey.channels[channel - 1].clipped > _MUCH_CLIPPED:
            share = survey.channels[channel - 1].clipped
            yield f"the {side}'s channel is clipped: {share:.0%} of its samples are at full scale."
    if "mono" in sides.values() and (survey.signs() < 0).any():
        yield "its channels cancel each other: one was turned over before they were mixed."


def _silent_sides(survey: Survey, sides: Mapping[Side, Channel]) -> Iterator[str]:
    """A side that carries nothing at all, while another one does."""
    heard = {side: _loudest(survey, channel) for side, channel in sides.items()}
    for side, level in heard.items():
        empty = level <= AUDIBLE_DB
        if not (empty or _steady(survey, sides[side])):
            continue
        others = [each for each in sides if each is not side and heard[each] > _NEITHER_DB]
        others = [each for each in others if empty or not _steady(survey, sides[each])]
        if not others:
            continue
        other = others[0]
        hum = f"nothing but a hum or a hiss of {level:.0f} dBFS, the {other}'s a voice."
        nothing = f"nothing at all, the {other}'s does."
        said = f"the {side}'s channel carries {nothing if empty else hum}"
        if side is Side.CUSTOMER:
            names = _NAMES if len(survey.channels) == 2 else {}
            swapped = [(side, sides[other]), (other, sides[side])]
            each = ",".join(f"{who}={names.get(where, where)}" for who, where in swapped)
            said += f" Sides exchanged? Then say --sides {each}."
        yield said


def _not_listened(survey: Survey, sides: Mapping[Side, Channel]) -> Iterator[str]:
    if "mono" in sides.values():
        return
    heard = set(sides.values())
    others = [
        number
        for number, channel in enumerate(survey.channels, 1)
        if number not in heard and channel.loudest_db > _NEITHER_DB
    ]
    if not others:
        return
    named = " and ".join(map(str, others)) if len(others) < 3 else ", ".join(map(str, others))
    example = ",".join(f"{who}={n}" for who, n in zip(("agent", "customer"), others, strict=False))
    if len(others) == 1:
        example = f"customer={others[0]}"
    level = max(survey.channels[number - 1].loudest_db for number in others)
    yield (
        f"{len(survey.channels)} channels, of which {named} carry sound (up to {level:.0f} dBFS) "
        f"that was not listened to: say where people are, as --sides {example}."
    )


def _loudest(survey: Survey, channel: Channel) -> float:
    if channel == "mono":
        return max(each.loudest_db for each in survey.channels)
    return survey.channels[channel - 1].loudest_db


def _steady(survey: Survey, channel: Channel) -> bool:
    """Whether nobody can be on it, though it sounds."""
    return channel != "mono" and survey.channels[channel - 1].steady
