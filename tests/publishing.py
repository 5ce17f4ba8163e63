"""Messages for a spool, and their numbers when they come out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sered.delivery.spool import Spool

QUICK = (0.05, 0.2)


def put(spool: Spool, number: int, leaf: str = "calls", size: int = 0) -> bool:
    body = json.dumps({"n": number, "pad": "x" * size}).encode()
    return spool.put(leaf, body, key=f"{leaf}-{number}", line="line1")


def numbers(payloads: list[bytes]) -> list[int]:
    return [json.loads(payload)["n"] for payload in payloads]
