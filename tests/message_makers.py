"""Messages of a box as tests need them: what a test is not about is filled in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sered.contract.messages import Alert, LineStatus, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def status(
    state: str = "online",
    text: str = "",
    *,
    reasons: Sequence[str] = (),
    lines: Sequence[LineStatus] = (),
    site: str = "site",
    device: str = "box",
) -> Status:
    """What a box says of itself."""
    return Status(
        site=site, device=device, state=state, reasons=tuple(reasons), text=text, lines=tuple(lines)
    )


def alert(call_id: str = "c", state: str = "confirmed") -> Alert:
    """A negative call of line1 at noon."""
    return Alert(
        call_id=call_id,
        site="site",
        device="box",
        line="line1",
        state=state,
        at=NOON,
        started_at=NOON,
        score=-0.7,
        confidence=0.8,
        p_negative=0.8,
        causes=(),
        terms=(),
    )
