"""Where sound comes from: the protocol of every source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sered.records import AudioFrame


class AudioSource(Protocol):
    """Something that is heard: a live tap or a recording."""

    def frames(self) -> Iterator[AudioFrame]:
        """FRAME samples a side at a time: of a tap until `close`, of a recording until its end."""

    def close(self) -> None:
        """End `frames`; safe from any thread, and twice."""
