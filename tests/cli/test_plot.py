"""Promises of the picture of a call; the picture itself is looked at by people."""

import math
import sys
import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest

from sered.cli.feelings import BAD, FEELINGS, GOOD, INK, PALE, SOFT, densities, inside, named
from sered.cli.loudness import Loudness, loudness
from sered.cli.plot import Picture, draw, placed
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
                score=share, share=share, agitation=0.5,
            )
            for at, feeling, share in ((3.0, "angry", shares[0]), (12.0, None, shares[1]))
        ),
        quality=call.Quality(lost_s=0.0, clipping=0.0, snr_db=30.0, notes=()),
        versions=call.Versions(
            sered="0", emotion_model=None, vosk_model=None, lexicon=None, calibration=None
        ),
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
    band = (241, 237, 251)

    def bands(picture: Picture) -> bool:
        draw(picture, tmp_path / "call.png")
        return any(
            max(abs(a - b) for a, b in zip(c[:3], band, strict=True)) < 3
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


def linear(colour: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Light of a colour as it is added, 0 to 1."""
    value = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


EYES = {
    "normal": np.eye(3),
    # Machado, Oliveira and Fernandes 2009, the whole loss
    "deuteranopia": np.array([
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]),
    "protanopia": np.array([
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]),
}  # fmt: skip
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(light: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    """CIE Lab of what an eye sees."""
    x, y, z = (
        float(np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116)
        for v in XYZ @ np.clip(light, 0, 1) / (0.9505, 1.0, 1.089)
    )
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)]


@pytest.mark.parametrize("eyes", EYES)
def test_colours_are_told_apart(eyes: str) -> None:
    """Any two feelings, and speech that nothing was felt in, differ by 30 (CIE 1976) and more."""
    seen = [lab(EYES[eyes] @ linear(colour)) for colour in (*FEELINGS.values(), PALE)]
    for (a, one), (b, other) in combinations(enumerate(seen), 2):
        assert math.dist(one, other) > 30, (a, b)


@pytest.mark.parametrize("colour", [INK, SOFT, BAD, GOOD])
def test_text_has_contrast(colour: str) -> None:
    """What is written stands out 4.5 : 1 from white, and from the band of the moment."""
    for ground in ("#FFFFFF", "#F1EDFB"):
        high, low = (float(XYZ[1] @ linear(each)) + 0.05 for each in (ground, colour))
        assert high / low >= 4.5


def test_labels_stay_inside() -> None:
    """A label at an edge is moved until it is whole; one without room stands in the middle."""
    assert inside(1.0, 5.0, 60.0) == 5.0
    assert inside(59.0, 5.0, 60.0) == 55.0
    assert inside(30.0, 5.0, 60.0) == 30.0
    assert inside(1.0, 5.0, 8.0) == 4.0


def test_what_weighs_most_has_room_first() -> None:
    """Of thirty phrases said at once the weightiest are placed, and none covers another."""
    terms = [
        call.VerbalTerm(text=f"phrase {n}", valence=-2.0, offset_s=99.0, share=n / 100)
        for n in range(30)
    ]
    rows = placed(terms, 1.0, 100.0)
    assert rows[0][2].text == "phrase 29"
    assert len(rows) == len({row for row, _, _ in rows}) == 5
    assert all(0.0 <= begin < 100.0 for _, begin, _ in rows)
    apart = [term.model_copy(update={"offset_s": 20.0 * n}) for n, term in enumerate(terms[:5])]
    assert [row for row, _, _ in placed(apart, 0.0, 120.0)] == [0] * 5


def test_no_colour_is_without_its_name() -> None:
    """A short cry between neutral neighbours is named, though they take all the room beside it."""
    utterances = tuple(
        call.UtteranceShare(
            offset_s=4.0 * n, duration_s=0.9 if n == 20 else 3.0,
            emotion="fear" if n == 20 else "neutral", acoustic=0.0, verbal=0.0, score=0.0,
            share=0.0, agitation=0.0,
        )
        for n in range(40)
    )  # fmt: skip
    made = report(duration_s=160.0, utterances=utterances)
    names = named(replace(PICTURE, call=made, loudness=levels(165.0)))
    assert [name for _, name in names].count("fear") == 1
    assert len(names) > 10
    assert all(after[0] - before[0] >= 0.055 * 165.0 for before, after in pairwise(names))


def test_a_long_name_keeps_its_ends(tmp_path: Path) -> None:
    """The recording's name is in the picture's title, and of a long one both ends are drawn."""
    from PIL import Image

    draw(replace(PICTURE, file="begin" + "x" * 200 + "end.wav"), tmp_path / "call.png")
    with Image.open(tmp_path / "call.png") as image:
        assert image.info["Title"].endswith("end.wav")


def test_a_name_in_a_script_without_a_font_is_no_warning(tmp_path: Path) -> None:
    """A name that cannot be drawn tells the terminal nothing, and is whole in the title."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw(replace(PICTURE, file="日本語 ᚠᚢᚦ 𒀀.wav"), tmp_path / "call.png")
    with Image.open(tmp_path / "call.png") as image:
        assert image.info["Title"] == "日本語 ᚠᚢᚦ 𒀀.wav"


def test_a_long_call_is_drawn_by_density(tmp_path: Path) -> None:
    """Twenty minutes of short utterances are shares of columns, with a legend, not a fence."""
    feelings = ("angry", "neutral", "neutral", "happy")
    utterances = tuple(
        call.UtteranceShare(
            offset_s=4.0 * n, duration_s=2.0, emotion=feelings[n % 4], acoustic=0.0, verbal=0.0,
            score=0.0, share=0.0, agitation=0.0,
        )
        for n in range(300)
    )  # fmt: skip
    made = report(duration_s=1_200.0, utterances=utterances)
    picture = replace(PICTURE, call=made, loudness=levels(1_200.0))
    shares = densities(picture, np.array([0.0, 600.0, 1_200.0]))
    assert list(shares) == ["neutral", "angry", "happy"]
    assert [round(float(share), 2) for share in shares["neutral"]] == [0.25, 0.25]
    draw(picture, tmp_path / "call.png")
    seen = colours(tmp_path / "call.png")
    assert {rgb("angry"), rgb("neutral"), rgb("happy")} <= seen
    assert rgb("sad") not in seen


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
