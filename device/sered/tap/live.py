"""The live tap that never goes deaf: opens a line's card again and again until it works."""

from __future__ import annotations

import logging
import random
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sered.errors import AudioError, DeviceError
from sered.records import FRAME_S, RATE_HZ
from sered.tap import cards
from sered.tap.capture_process import COMMAND, START_DEADLINE_S, CaptureChild
from sered.tap.frame_queue import HOLD_S, FrameQueue
from sered.tap.line_time import LineTime
from sered.tap.resample import Resampler, check_channels
from sered.tap.sample_clock import SampleClock
from sered.tap.sound_faults import SoundCheck
from sered.tap.state import TapState
from sered.tap.waits import Waits, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from sered.records import AudioFrame
    from sered.settings import LineSettings
    from sered.tap.capture_process import CapturedPcm
    from sered.tap.cards import Card
    from sered.tap.resample import Format

log = logging.getLogger(__name__)

_WAITS = Waits()
_STEADY_FRAMES = round(3.0 / FRAME_S)
_FINDINGS_EVERY = round(1.0 / FRAME_S)


class LiveTap:
    """Listens to one line's card for ever, in a thread of its own that `frames` starts.

    A card that fails, vanishes or falls silent is opened again by a fresh process until it works;
    meanwhile `frames` waits, and `state` says why. `on_frame` is called as each frame arrives,
    before any queue; `hold_s` is how much sound may wait for the analysis; `others` are the cards
    of the other lines, which are not looked at when this one's is missing; `waits`: how long to
    wait before the card is tried again.
    """

    def __init__(
        self,
        line: LineSettings,
        *,
        on_frame: Callable[[AudioFrame], None] | None = None,
        hold_s: float = HOLD_S,
        others: Collection[str] = (),
        waits: Waits = _WAITS,
        read_cards: Callable[[], list[Card]] = cards.read_cards,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._line = line
        self._sides = line.channels
        self._on_frame = on_frame
        self._others = others
        self._waits = waits
        self._die = random.Random()  # noqa: S311 - spreads lines, keeps no secret
        self._read_cards = read_cards
        self._command = command
        self._queue = FrameQueue(hold_s)
        self._check = SoundCheck(self._sides)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"tap-{line.name}", daemon=True)
        self._lock = threading.Lock()
        self._state = TapState()
        self._time = LineTime(self._sides)
        self._captures = 0
        self._streams = False

    @property
    def state(self) -> TapState:
        """How the tap is; safe from any thread."""
        with self._lock:
            state = self._state
        lost = self._time.lost + self._queue.dropped
        if not self._queue.behind:
            return replace(state, lost_samples=lost)
        sentence = f"the analysis is {self._queue.behind_s:.0f} s behind: this box is too slow."
        said = f"{state.sentence} {sentence}" if state.reasons else sentence
        return replace(state, reasons=(*state.reasons, "behind"), sentence=said, lost_samples=lost)

    def frames(self) -> Iterator[AudioFrame]:
        """Frames until `close`; while the card is away, nothing."""
        if not self._closed.is_set():
            self._thread.start()
        yield from self._queue.frames()

    def close(self) -> None:
        """End the capture process and `frames`; safe from any thread, and twice."""
        self._closed.set()
        self._queue.close()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(2.0)

    def _run(self) -> None:
        try:
            self._listen_for_ever()
        except Exception:
            log.exception("tap.died line=%s", self._line.name)
            # no more frames: the analysis ends, the service with it, and systemd starts it again
            self._queue.fail()

    def _listen_for_ever(self) -> None:
        began = time.monotonic()
        wait_s = self._waits.first_s
        shown = cards.is_hardware(self._line.card)
        while not self._closed.is_set():
            seen = self._read_cards()
            heard_before = self._state.frames
            try:
                self._listen(seen, began)
            except AudioError as error:
                self._say(error)
            if self._state.frames - heard_before > _STEADY_FRAMES:
                wait_s = self._waits.first_s
            changed = self._pause(spread(wait_s, self._die), seen)
            wait_s = self._waits.after(wait_s, changed=changed, shown=shown)

    def _pause(self, wait_s: float, seen: list[Card]) -> bool:
        """Wait, but no longer than until the cards change; whether they did."""
        until = time.monotonic() + wait_s
        while (left := until - time.monotonic()) > 0:
            if self._closed.wait(min(left, self._waits.look_s)):
                return False
            if self._read_cards() != seen:
                return True
            self._step()
            self._beat()
        return False

    def _step(self) -> None:
        """Tell that the tap is at work, unless it is the analysis that is stuck."""
        if not self._queue.behind_s:
            self._update(steps=self._state.steps + 1)

    def _beat(self) -> None:
        """In a long outage hand on a frame of silence now and then."""
        frame = self._time.beat(time.monotonic(), self._waits.beat_s)
        if frame is not None:
            if self._on_frame is not None:
                self._on_frame(frame)
            self._queue.put(frame)

    def _listen(self, seen: list[Card], began: float) -> None:
        self._update(attempts=self._state.attempts + 1)
        self._step()
        card = self._find(seen) if cards.is_hardware(self._line.card) else None
        target = f"hw:{card.number}" if card else self._line.card
        channels = 0 if "mono" in self._sides.values() else max(map(int, self._sides.values()))
        self._streams = False
        self._update(restarts=self._captures)
        self._captures += 1
        try:
            with CaptureChild(
                target,
                self._line.rate_hz or 0,
                channels,
                wanted=self._wanted,
                command=self._command,
            ) as child:
                self._hear(child, card, began)
        except DeviceError as error:
            raise self._blame(error, card) from None

    def _find(self, present: list[Card]) -> Card:
        return cards.find(self._line.card, present, self._others)

    def _wanted(self) -> bool:
        return not self._closed.is_set()

    def _hear(self, child: CaptureChild, card: Card | None, began: float) -> None:
        found = child.open()
        if found is None:
            return
        if card is not None and self._find(self._read_cards()) != card:
            # its number may be another card's by now
            msg = f"{card} moved while it was being opened; it is being opened again."
            raise AudioError(msg)
        called = str(card or self._line.card)
        check_channels(found, self._sides, called)
        first = child.read(START_DEADLINE_S)
        if first is not None:
            self._stream(child, found, first, began, f"hears {called} at {found.rate_hz} Hz.")

    def _blame(self, error: DeviceError, card: Card | None) -> DeviceError:
        """The whole sentence for a failed capture; raises DeviceError where the card is gone."""
        if card is None:
            return cards.complain(self._line.card, error)
        self._find(self._read_cards())
        if error.reason == "no_frames" or self._streams:
            return cards.complain(str(card), error)
        return cards.explain(card, str(error))

    def _stream(
        self, child: CaptureChild, found: Format, first: CapturedPcm, began: float, sentence: str
    ) -> None:
        resampler = Resampler(found, self._sides, self._time.end)
        starts_s = first.end_s - len(first.raw) / found.frame_bytes / found.rate_hz
        first_attempt = self._state.attempts == 1
        resampler.lose(self._time.outage(starts_s, began, first=first_attempt))
        stream = SampleClock(found.rate_hz)
        self._check = SoundCheck(self._sides)
        self._streams = True
        log.info(
            "tap.open line=%s device=%s rate_hz=%d", self._line.name, child.device, found.rate_hz
        )
        piece: CapturedPcm | None = first
        while piece is not None:
            samples = len(piece.raw) // found.frame_bytes
            missing = piece.dropped + stream.feed(
                samples, piece.end_s, dropped=piece.dropped, overflow=piece.overflow
            )
            if missing:
                resampler.lose(round(missing * RATE_HZ / found.rate_hz))
                log.warning("tap.gap line=%s lost_s=%.3f", self._line.name, missing / found.rate_hz)
            for frame in resampler.feed(piece.raw):
                self._take(frame, stream, sentence)
            self._time.reached(piece.end_s - resampler.pending / RATE_HZ)
            piece = child.read()

    def _take(self, frame: AudioFrame, stream: SampleClock, sentence: str) -> None:
        self._time.take(frame)
        if self._on_frame is not None:
            self._on_frame(frame)
        self._check.feed(frame)
        frames = self._state.frames + 1
        changes: dict[str, Any] = {}
        if not self._state.alive or frames % _FINDINGS_EVERY == 0:
            findings = self._check.findings()
            changes = {
                "reasons": tuple(dict.fromkeys(finding.reason for finding in findings)),
                "sentence": " ".join(map(str, findings)) or sentence,
            }
            if stream.drift_ppm is not None:
                changes["drift_ppm"] = stream.drift_ppm
        self._update(
            alive=True,
            frames=frames,
            levels_db=self._check.levels_db,
            last_frame_at=time.monotonic(),
            **changes,
        )
        self._queue.put(frame)

    def _say(self, error: AudioError) -> None:
        reason = error.reason if isinstance(error, DeviceError) else "failed"
        sentence = str(error)
        if reason == "no_device" and self._state.frames:
            reason, sentence = "unplugged", f"The input that was heard is gone. {sentence}"
        self._update(alive=False, reasons=(reason,), sentence=sentence, levels_db={})

    def _update(self, **changes: Any) -> None:
        with self._lock:
            before, self._state = self._state, replace(self._state, **changes)
        if before.reasons != self._state.reasons:
            log.warning(
                "tap.state line=%s reasons=%s %s",
                self._line.name,
                ",".join(self._state.reasons) or "none",
                self._state.sentence,
            )
