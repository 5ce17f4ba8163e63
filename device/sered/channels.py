"""Who is heard on which channel of a tap or a recording, as people write it."""

from __future__ import annotations

from typing import Literal

from sered.records import Side

Channel = int | Literal["mono"]
"""1-based channel of the tap, or `mono`: all channels mixed down."""

_NAMED_CHANNELS: dict[str, Channel] = {"left": 1, "right": 2, "mono": "mono"}


def parse_sides(text: str) -> dict[Side, Channel]:
    """Read `customer=right,agent=left`: who is heard on which channel.

    Channels are `left`, `right`, `1` to `8`, or `mono` (all mixed down); `none` leaves a side out.
    With the customer on one of a pair and nothing said of the agent, the agent is the other one.
    Raises ValueError with a sentence.
    """
    sides: dict[Side, Channel] = {}
    without: set[Side] = set()
    for part in text.split(","):
        name, eq, where = (piece.strip().lower() for piece in part.partition("="))
        if not eq or name not in set(Side):
            msg = f"wanted SIDE=CHANNEL with SIDE customer, agent or mixed; found {part.strip()!r}"
            raise ValueError(msg)
        side = Side(name)
        if side in sides or side in without:
            msg = f"wanted every side once; found {side} twice in {text!r}"
            raise ValueError(msg)
        if where == "none":
            without.add(side)
        elif where in _NAMED_CHANNELS:
            sides[side] = _NAMED_CHANNELS[where]
        elif where.isdigit() and 1 <= int(where) <= 8:
            sides[side] = int(where)
        else:
            msg = f"wanted a channel: left, right, 1 to 8, mono or none; found {where!r}"
            raise ValueError(msg)
    if Side.MIXED in sides and len(sides) > 1:
        msg = "a mixed side is the only side: a tap that has the customer apart needs no mixed one"
        raise ValueError(msg)
    customer = sides.get(Side.CUSTOMER)
    if customer in (1, 2) and Side.AGENT not in sides | dict.fromkeys(without):
        sides[Side.AGENT] = 2 if customer == 1 else 1
    if Side.CUSTOMER not in sides and Side.MIXED not in sides:
        msg = "no customer: say customer=CHANNEL, or mixed=mono where both share one channel"
        raise ValueError(msg)
    if customer == "mono" and Side.AGENT in sides:
        msg = "customer=mono hears the agent's channel, too: say customer=CHANNEL, or mixed=mono"
        raise ValueError(msg)
    if len(set(sides.values())) < len(sides):
        msg = "two sides on one channel: where both people share a channel, say mixed=mono"
        raise ValueError(msg)
    return sides
