"""From blocks with and without speech to utterances of one side. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.records import BLOCK_S, Utterance

if TYPE_CHECKING:
    from sered.records import Side

PAD_S = 0.2
"""Sound kept before and after the speech."""
PAUSE_S = 0.5
"""Silence that closes an utterance."""
LONGEST_S = 15.0
"""Pads included; longer speech is cut at its best pause."""
LEAST_VOICED_S = 0.16
"""Shorter speech is a click or a breath."""
_SHOUTED_S, _DIN_BLOCKS = 0.25, 15
"""Less voice than that, with half a second of noise at once before and after it, is the noise's."""
_LOUD_BLOCKS, _LASTING_BLOCKS = 4, 8
_LEAST_S = 0.3
"""A shorter one holds no word that could be judged."""
_EARLIEST_CUT_S = 4.0
"""Long speech is not cut before this, so that both pieces are worth judging."""


class SideSpeech:
    """Collects the speech blocks of one side and closes them into utterances."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self._runs: list[tuple[float, float]] = []
        self._free_s = 0.0
        """No pad before this: an earlier utterance or somebody else's sound ended here."""
        self._first_s = 0.0
        self._until_s = float("inf")
        self._loudest_db: list[float] = []
        self._din_blocks = 0
        self._from_din = False

    @property
    def open_s(self) -> float | None:
        """Start, with its pad, of the utterance that has not been closed yet."""
        return self._first_s if self._runs else None

    @property
    def voiced_s(self) -> float:
        """Length of the speech that has not been closed yet."""
        # mostly there is none, and every block asks
        return sum(end - start for start, end in self._runs) if self._runs else 0.0

    @property
    def loudest_db(self) -> float:
        """Level of the loudest eighth of a second of the speech that is open; a click is less."""
        return self._loudest_db[-_LOUD_BLOCKS:][0] if self._loudest_db else float("-inf")

    @property
    def lasting_db(self) -> float:
        """Level of its loudest quarter of a second; a tone over a faint voice is known by then."""
        known = len(self._loudest_db) == _LASTING_BLOCKS
        return self._loudest_db[0] if known else float("-inf")

    def feed(
        self,
        start_s: float,
        *,
        voiced: bool,
        foreign: bool,
        since_s: float | None = None,
        level_db: float = 0.0,
        noisy: bool = False,
    ) -> Utterance | None:
        """Take one block; returns the utterance that it closes, if any.

        `foreign`: a machine or the other side sounds; no pad reaches into such a block.
        `since_s`: when the voice began, if it was not sure at once. `noisy`: something sounds on
        this side that has no name.
        """
        end_s = start_s + BLOCK_S
        before_blocks, self._din_blocks = self._din_blocks, self._din_blocks + 1 if noisy else 0
        if voiced:
            # sound that was lost is a pause as well
            paused = self._runs and start_s - self._runs[-1][1] >= PAUSE_S
            closed = self.close() if paused else None
            self._until_s = float("inf")
            if not self._runs:
                began_s = start_s if since_s is None else min(since_s, start_s)
                self._first_s = max(began_s - PAD_S, self._free_s)
                self._loudest_db = []
                self._from_din = before_blocks >= _DIN_BLOCKS
            self._loudest_db = sorted([*self._loudest_db, level_db])[-_LASTING_BLOCKS:]
            if self._runs and start_s - self._runs[-1][1] < BLOCK_S / 2:
                self._runs[-1] = (self._runs[-1][0], end_s)
            else:
                self._runs.append((start_s, end_s))
            return closed or self._cut(end_s)
        if foreign:
            self._free_s = end_s
            self._until_s = min(self._until_s, start_s)
        if self._runs and end_s - self._runs[-1][1] >= PAUSE_S:
            return self.close()
        return None

    def close(self) -> Utterance | None:
        """End the open speech now."""
        runs, self._runs = self._runs, []
        return self._utterance(runs, self._until_s) if runs else None

    def begin(self, call_s: float) -> None:
        """A call has begun: no pad reaches into what was before it."""
        self._free_s = max(self._free_s, call_s)

    def forget(self) -> None:
        """Drop the open speech: it was no call's."""
        self._runs = []

    def _cut(self, now_s: float) -> Utterance | None:
        if now_s + PAD_S - self._first_s < LONGEST_S:
            return None
        pauses = [
            (after[0] - before[1], index)
            for index, (before, after) in enumerate(zip(self._runs, self._runs[1:], strict=False))
            if before[1] - self._first_s >= _EARLIEST_CUT_S
        ]
        pause_s, index = max(pauses, default=(0.0, len(self._runs) - 1))
        runs, self._runs = self._runs[: index + 1], self._runs[index + 1 :]
        cut_s = runs[-1][1] + min(pause_s / 2, PAD_S)
        utterance = self._utterance(runs, cut_s)
        if self._runs:
            self._first_s = max(self._runs[0][0] - PAD_S, self._free_s)
        return utterance

    def _utterance(self, runs: list[tuple[float, float]], until_s: float) -> Utterance | None:
        voiced_s = sum(end - start for start, end in runs)
        end_s = max(min(runs[-1][1] + PAD_S, until_s), runs[-1][1])
        din = self._from_din and self._din_blocks >= _DIN_BLOCKS and voiced_s < _SHOUTED_S
        if din or voiced_s < LEAST_VOICED_S or end_s - self._first_s < _LEAST_S:
            return None
        self._free_s = max(self._free_s, end_s)
        return Utterance(self.side, round(self._first_s, 3), round(end_s, 3), round(voiced_s, 3))
