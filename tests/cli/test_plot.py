"""Promises of the picture of a call; the picture itself is looked at by people."""

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from sered.cli.plot import FEELINGS, Loudness, Picture, draw, loudness
from sered.contract import call, messages
from sered.errors import SeredError
from sered.records import FRAME, LABELS, RATE_HZ, AudioFrame, EndReason, Side

pytestmark = pytest.mark.slow


BEGAN = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def report(**changes: object) -> messages.CallReport:
    shares = (-0.3, 0.1)
    made = messages.CallReport(
        call_id="0195f3c0-0000-7000-8000-000000000000",
        site="site",
        device="box",
        line="line1",
        started_at=BEGAN,
        ended_at=BEGAN + timedelta(seconds=20),
        duration_s=20.0,
        clock_synced=True,
        end_reason=EndReason.HANG_UP_TONE,
        mode="both",
        mixed=False,
        sentiment=call.Sentiment(
            category="negative",
            score=-0.2,
            confidence=0.6,
            p_negative=0.6,
            undetermined=None,
            escalate=True,
            causes=("delay",),
        ),
        acoustic=None,
        verbal=call.Verbal(
            score=-0.2,
            share=-0.2,
            words=9,
            asr_confidence=0.9,
            terms=tuple(
                call.VerbalTerm(text=text, valence=-2.0, offset_s=at, share=-0.1)
                for text, at in (("money back", 4.0), ("$x_1^{2}$ not maths", 4.1), ("late", 30.0))
            ),
        ),
        trend=None,
        talk=call.TalkTimes(
            customer_s=8.0, agent_s=5.0, mixed_s=0.0, recorded_s=0.0, silence_s=7.0, hold_s=0.0,
            longest_silence_s=2.0, interruptions=0,
        ),
        worst=call.Moment(offset_s=3.0, duration_s=4.0),
        utterances=tuple(
            call.UtteranceShare(
                offset_s=at, duration_s=4.0, emotion=feeling, acoustic=share, verbal=share,
                score=share, share=share,
            )
            for at, feeling, share in ((3.0, "angry", shares[0]), (12.0, None, shares[1]))
        ),
        quality=call.Quality(lost_s=0.0, clipping=0.0, snr_db=30.0, notes=()),
        versions=call.Versions(sered="0", emotion_model=None, vosk_model=None, lexicon=None),
        transcript=None,
    )  # fmt: skip
    return made.model_copy(update=changes)


def levels(
    seconds: float = 25.0, sides: tuple[Side, ...] = (Side.AGENT, Side.CUSTOMER)
) -> Loudness:
    steps = np.linspace(-60, -10, round(seconds / 0.064), dtype=np.float64)
    return Loudness(0.064, dict.fromkeys(sides, steps))


PICTURE = Picture(report(), (), levels(), 2.0, -0.25)


def colours(path: Path) -> set[tuple[int, int, int]]:
    from PIL import Image

    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.size == (1800, 1050)
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
        return {(int(r), int(g), int(b)) for r, g, b in np.unique(pixels, axis=0)}


def rgb(name: str) -> tuple[int, int, int]:
    value = int(FEELINGS[name][1:], 16)
    return value >> 16, value >> 8 & 255, value & 255


def test_utterances_in_their_colours(tmp_path: Path) -> None:
    """An utterance is drawn in the colour of its feeling, and feelings not felt are not there."""
    draw(PICTURE, tmp_path / "call.png")
    seen = colours(tmp_path / "call.png")
    assert rgb("angry") in seen
    assert rgb("happy") not in seen
    assert rgb("fear") not in seen


def test_what_decided_is_marked_only_where_there_is_a_verdict(tmp_path: Path) -> None:
    """The band stands at what moved the score towards the verdict; without one there is none."""
    band = (250, 247, 198)  # three tenths of #F0E442 on white

    def bands(picture: Picture) -> bool:
        draw(picture, tmp_path / "call.png")
        return any(
            max(abs(a - b) for a, b in zip(c[:3], band, strict=True)) < 12
            for c in colours(tmp_path / "call.png")
        )

    neutral = call.Sentiment(
        category=None, score=0.0, confidence=0.5, p_negative=0.2, undetermined="neutral",
        escalate=False, causes=(),
    )  # fmt: skip
    assert bands(PICTURE)
    assert not bands(replace(PICTURE, call=report(sentiment=neutral)))


def test_every_feeling_has_a_colour_of_its_own() -> None:
    """The seven feelings have seven colours."""
    assert set(FEELINGS) == set(LABELS)
    assert len(set(FEELINGS.values())) == len(LABELS)


@pytest.mark.parametrize(
    "picture",
    [
        replace(PICTURE, call=report(sentiment=None, verbal=None, worst=None, utterances=())),
        replace(PICTURE, loudness=levels(sides=(Side.MIXED,)), call=report(mixed=True)),
        replace(PICTURE, loudness=levels(0.0)),
        replace(PICTURE, loudness=levels(4 * 3600.0), call=report(duration_s=14_000.0)),
        replace(
            PICTURE,
            call=report(
                sentiment=call.Sentiment(
                    category=None, score=0.0, confidence=0.5, p_negative=0.5,
                    undetermined="too_noisy", escalate=False, causes=(),
                )
            ),
        ),
    ],
    ids=["unanswered", "mixed", "no sound", "four hours", "undetermined"],
)  # fmt: skip
def test_unusual_calls(tmp_path: Path, picture: Picture) -> None:
    """Calls without verdict, words, a second side, sound or end in sight are drawn too."""
    draw(picture, tmp_path / "call.png")
    assert len(colours(tmp_path / "call.png")) > 10


def test_twice_the_same(tmp_path: Path) -> None:
    """The same call gives the same bytes."""
    for name in ("a.png", "b.png"):
        draw(PICTURE, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_place_that_cannot_be_written(tmp_path: Path) -> None:
    """A folder that is not there is a sentence that names the file."""
    with pytest.raises(SeredError, match=r"call\.png: the picture cannot be written"):
        draw(PICTURE, tmp_path / "nowhere" / "call.png")


def test_unknown_kind_of_picture(tmp_path: Path) -> None:
    """A suffix that is no picture's is a sentence."""
    with pytest.raises(SeredError, match=r"call\.xyz: the picture cannot be written.*\.png"):
        draw(PICTURE, tmp_path / "call.xyz")


def test_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where matplotlib is not installed the sentence says how to get it."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    with pytest.raises(SeredError, match=r"pip install 'sered\[plot\]'"):
        draw(PICTURE, tmp_path / "call.png")


def test_loudness_is_rms_in_dbfs() -> None:
    """A sine at half scale is 9 dB under full scale, silence is far below the picture's floor."""
    t = np.arange(FRAME) / RATE_HZ
    sine = (16_384 * np.sin(2 * np.pi * 1000 * t)).astype(np.int16)
    pcm = {Side.CUSTOMER: sine, Side.AGENT: np.zeros(FRAME, np.int16)}
    found = loudness([AudioFrame(0, pcm), AudioFrame(FRAME, pcm)])
    assert found.step_s == pytest.approx(0.064)
    assert found.duration_s == pytest.approx(2 * FRAME / RATE_HZ)
    assert found.level_db[Side.CUSTOMER] == pytest.approx(-9.03, abs=0.05)
    assert (found.level_db[Side.AGENT] < -100).all()
