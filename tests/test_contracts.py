"""Fakes keep the promises of the real parts: one suite runs over both."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import sered
from sered import config
from sered.records import FRAME, LABELS, RATE_HZ, Emotion, Side, Transcript
from sered.settings import Settings
from sered.tap.recording import Recording
from sered.testing.fakes import ListSource, ScriptedEmotion, ScriptedTranscriber
from sered.voice.emotion import EmotionModel, TfliteEmotion
from sered.words.transcript import Transcriber, VoskModel
from sered.words.whisper import WhisperModel
from whisper_stage import SHA256, whisper_base

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sered.tap.source import AudioSource


@pytest.fixture(scope="module")
def voice() -> NDArray[np.int16]:
    """Two seconds of the demo customer's voice."""
    recording = Recording(Path(sered.__file__).parent / "demo/call.wav", {Side.CUSTOMER: 2})
    pcm = np.concatenate([frame.pcm[Side.CUSTOMER] for frame in recording.frames()])
    energy = np.cumsum(pcm.astype(float) ** 2)
    loudest = int(np.argmax(energy[RATE_HZ:] - energy[:-RATE_HZ]))
    return pcm[loudest : loudest + 2 * RATE_HZ]


@pytest.fixture(params=["real", "fake"])
def emotion(request: pytest.FixtureRequest) -> EmotionModel:
    if request.param == "fake":
        return ScriptedEmotion()
    return TfliteEmotion(config.model_path(Settings().models.emotion))


@pytest.fixture(scope="module")
def whisper() -> WhisperModel:
    """Loaded once: it takes a second."""
    return WhisperModel(whisper_base(), SHA256, "en")


@pytest.fixture(params=["vosk", pytest.param("whisper", marks=pytest.mark.slow), "fake"])
def transcriber(request: pytest.FixtureRequest) -> Transcriber:
    if request.param == "fake":
        return ScriptedTranscriber(["i am waiting"] * 4)
    if request.param == "whisper":
        model: WhisperModel = request.getfixturevalue("whisper")
        return model.transcriber()
    return VoskModel(config.models_dir() / "vosk-mini").transcriber()


def test_an_emotion_is_seven_probabilities(emotion: EmotionModel, voice: NDArray[np.int16]) -> None:
    """A judged utterance carries seven probabilities that sum to one."""
    judged = emotion.judge(voice)
    assert isinstance(judged, Emotion)
    assert len(judged.probabilities) == len(LABELS)
    assert sum(judged.probabilities) == pytest.approx(1.0, abs=1e-6)
    assert judged.label in LABELS
    assert emotion.judge(voice) == judged


@pytest.mark.parametrize("samples", [0, 1, RATE_HZ])
def test_silence_has_no_emotion(emotion: EmotionModel, samples: int) -> None:
    """Digital silence, one sample and nothing at all are not judged and are no fault."""
    assert emotion.judge(np.zeros(samples, np.int16)) is None


def test_a_model_names_its_file(emotion: EmotionModel) -> None:
    """The model's identity is 64 hexadecimal digits."""
    assert len(emotion.sha256) == 64
    int(emotion.sha256, 16)


def test_words_have_times_within_the_utterance(
    transcriber: Transcriber, voice: NDArray[np.int16]
) -> None:
    """Words come in order, with confidence, timed from the utterance's own start, every time."""
    transcriber.reset()
    for _ in range(3):
        transcript = transcriber.transcribe(voice)
        assert isinstance(transcript, Transcript)
        assert transcript.words
        starts = [word.start_s for word in transcript.words]
        assert starts == sorted(starts)
        assert starts[0] >= 0.0
        assert transcript.words[-1].end_s <= len(voice) / RATE_HZ + 0.5
        assert all(0.0 <= word.confidence <= 1.0 for word in transcript.words)


def test_silence_has_no_words(transcriber: Transcriber) -> None:
    """Silence gives an empty transcript."""
    assert transcriber.transcribe(np.zeros(RATE_HZ, np.int16)).words == ()


def test_a_reset_recogniser_repeats_itself(
    transcriber: Transcriber, voice: NDArray[np.int16]
) -> None:
    """After a reset the same sound gives the same words: no call leaks into the next."""
    transcriber.reset()
    first = transcriber.transcribe(voice)
    transcriber.reset()
    assert transcriber.transcribe(voice) == first


def test_words_do_not_show_in_a_repr(transcriber: Transcriber, voice: NDArray[np.int16]) -> None:
    """What a customer said is not in the repr of what was heard."""
    transcript = transcriber.transcribe(voice)
    for word in transcript.words:
        assert f"'{word.text}'" not in repr(transcript)


def _recording(sides: dict[Side, NDArray[np.int16]], tmp_path: Path) -> AudioSource:
    path = tmp_path / "call.wav"
    with wave.open(str(path), "wb") as out:
        out.setparams((2, 2, RATE_HZ, 0, "NONE", ""))
        out.writeframes(np.stack([sides[Side.AGENT], sides[Side.CUSTOMER]], 1).tobytes())
    return Recording(path, {Side.AGENT: 1, Side.CUSTOMER: 2})


def _listed(sides: dict[Side, NDArray[np.int16]], _: Path) -> AudioSource:
    return ListSource(sides)


@pytest.mark.parametrize("make", [_recording, _listed])
def test_a_source_gives_whole_frames_in_order(
    make: Callable[[dict[Side, NDArray[np.int16]], Path], AudioSource], tmp_path: Path
) -> None:
    """Frames are FRAME samples a side, adjoin, lose nothing; the last is padded with silence."""
    noise = np.random.default_rng(1).integers(-9_000, 9_000, (2, 2 * FRAME + 100), np.int16)
    sides = {Side.AGENT: noise[0], Side.CUSTOMER: noise[1]}
    frames = list(make(sides, tmp_path).frames())
    assert [frame.start for frame in frames] == [0, FRAME, 2 * FRAME]
    assert not any(frame.lost for frame in frames)
    for side, pcm in sides.items():
        heard = np.concatenate([frame.pcm[side] for frame in frames])
        assert heard.dtype == np.int16
        assert len(heard) == 3 * FRAME
        np.testing.assert_array_equal(heard[: len(pcm)], pcm)
        assert not heard[len(pcm) :].any()


@pytest.mark.parametrize("make", [_recording, _listed])
def test_a_closed_source_ends(
    make: Callable[[dict[Side, NDArray[np.int16]], Path], AudioSource], tmp_path: Path
) -> None:
    """`close` ends the frames within a second of sound, and may be called twice."""
    silence = np.zeros(40 * FRAME, np.int16)
    source = make({Side.AGENT: silence, Side.CUSTOMER: silence}, tmp_path)
    frames = source.frames()
    next(frames)
    source.close()
    source.close()
    assert len(list(frames)) <= RATE_HZ // FRAME + 1
