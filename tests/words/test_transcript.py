"""The real Vosk hears words, from a folder, without the network."""

from __future__ import annotations

import shutil
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from sered.errors import ModelError
from sered.records import RATE_HZ, Transcript
from sered.words.transcript import VoskModel
from sered.words.word_table import check_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.slow


MODEL = Path(__file__).parent.parent.parent / "models" / "vosk-mini"


@pytest.fixture(scope="module")
def model() -> VoskModel:
    """The small model that comes with sered."""
    return VoskModel(MODEL)


@pytest.fixture(scope="module")
def digits(shared: Path) -> NDArray[np.int16]:
    """A real voice that says digits, 16 kHz."""
    pcm, rate = soundfile.read(shared / "data/speech/read/vosk_test.flac", dtype="int16")
    assert rate == RATE_HZ
    return np.asarray(pcm[: 5 * RATE_HZ])


def test_a_real_voice_is_understood_with_times_and_confidences(
    model: VoskModel, digits: NDArray[np.int16]
) -> None:
    """Words come in order, inside the utterance, each with a confidence."""
    heard = model.transcriber().transcribe(digits)
    assert "one zero zero zero one" in heard.text
    times = [t for word in heard.words for t in (word.start_s, word.end_s)]
    assert times == sorted(times)
    assert 0.0 <= times[0] <= times[-1] <= len(digits) / RATE_HZ + 0.5
    assert all(0.0 <= word.confidence <= 1.0 for word in heard.words)
    assert heard.confidence > 0.8


def test_a_steady_chord_costs_no_search(model: VoskModel, digits: NDArray[np.int16]) -> None:
    """Twenty seconds of two tones, in which Kaldi's search has no end, cost next to nothing; what
    is said after them is heard, at its time."""
    time = np.arange(20 * RATE_HZ) / RATE_HZ
    chord = 4000 * (np.sin(2 * np.pi * 480 * time) + np.sin(2 * np.pi * 620 * time))
    ears = model.transcriber()
    assert ears.transcribe(np.asarray(chord, np.int16)).words == ()
    heard = ears.transcribe(np.concatenate((np.asarray(chord, np.int16), digits)))
    assert "one zero zero zero one" in heard.text
    assert 20.0 <= heard.words[0].start_s <= heard.words[-1].end_s <= 25.5


def test_times_count_from_each_utterances_own_start(
    model: VoskModel, digits: NDArray[np.int16]
) -> None:
    """The same utterance heard three times in a call gives three times the same words and times."""
    ears = model.transcriber()
    first = ears.transcribe(digits)
    assert first.words
    assert ears.transcribe(digits) == first
    assert ears.transcribe(digits) == first


@pytest.mark.parametrize("gain", [0.5, 0.1, 0.03])
def test_a_softer_tap_hears_the_same_words(
    model: VoskModel, digits: NDArray[np.int16], gain: float
) -> None:
    """Up to 30 dB down, words and their confidences are those of the full level."""
    ears = model.transcriber()
    full, soft = ears.transcribe(digits), ears.transcribe((digits * gain).astype(np.int16))
    assert soft.text == full.text
    for heard, meant in zip(soft.words, full.words, strict=True):
        assert heard.confidence == pytest.approx(meant.confidence, abs=0.05)


def test_a_fault_that_is_not_the_models_is_not_called_one(
    model: VoskModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what Vosk says of a model it cannot load becomes a sentence about the model."""

    def full(path: str) -> None:
        raise MemoryError(path)

    assert model.name
    monkeypatch.setattr("vosk.Model", full)
    with pytest.raises(MemoryError):
        VoskModel(MODEL)


def test_a_call_leaves_nothing_to_the_next(model: VoskModel, digits: NDArray[np.int16]) -> None:
    """After a reset a line hears as on its first call."""
    ears = model.transcriber()
    first = ears.transcribe(digits)
    ears.transcribe(digits[: len(digits) // 2])
    ears.reset()
    assert ears.transcribe(digits) == first


def test_two_lines_share_a_model_and_hear_apart(
    model: VoskModel, digits: NDArray[np.int16]
) -> None:
    """Two transcribers of one model do not mix what they hear."""
    one, two = model.transcriber(), model.transcriber()
    half = digits[: 2 * RATE_HZ]
    whole, part = one.transcribe(digits), two.transcribe(half)
    assert one.transcribe(digits) == whole
    assert two.transcribe(half) == part
    assert len(part.words) < len(whole.words)


@pytest.mark.parametrize("samples", [0, 1, 100, RATE_HZ])
def test_silence_has_no_words(model: VoskModel, samples: int) -> None:
    """Nothing, almost nothing and a second of digital silence are no words, not a fault."""
    assert model.transcriber().transcribe(np.zeros(samples, np.int16)) == Transcript(())


def test_the_model_is_named_after_its_folder(model: VoskModel) -> None:
    """Reports say which model heard the words."""
    assert model.name == "vosk-mini"


def test_a_missing_model_says_how_to_fetch_one(tmp_path: Path) -> None:
    """A folder that is not there is one sentence with the command that helps."""
    with pytest.raises(ModelError, match=r"no such folder.*sered models fetch"):
        VoskModel(tmp_path / "vosk-model-small-en-us-0.15")


@pytest.mark.parametrize(
    ("lost", "named"),
    [
        ("am/final.mdl", "acoustic model"),
        ("conf/mfcc.conf", "features"),
        ("graph/HCLG.fst", "graph"),
    ],
)
def test_an_incomplete_model_names_what_it_lacks(tmp_path: Path, lost: str, named: str) -> None:
    """A model without one of its parts is refused before Kaldi sees it."""
    folder = tmp_path / "half"
    shutil.copytree(MODEL / "model", folder)
    (folder / lost).unlink()
    with pytest.raises(ModelError, match=rf"{named}.*sered models fetch"):
        VoskModel(folder)


@pytest.mark.parametrize("broken", ["am/final.mdl", "graph/HCLG.fst"])
def test_a_broken_model_is_refused_in_one_sentence(tmp_path: Path, broken: str) -> None:
    """A model cut short by a failed download is a sentence, not a crash of the library."""
    folder = tmp_path / "cut"
    shutil.copytree(MODEL / "model", folder)
    (folder / broken).write_bytes((folder / broken).read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"cannot load.*sered models fetch"):
        VoskModel(folder)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 0.99])
def test_a_cut_table_of_words_is_refused(tmp_path: Path, share: float) -> None:
    """Words that the graph can hear and the table does not name are missed before a call is."""
    folder = tmp_path / "cut"
    shutil.copytree(MODEL / "model", folder)
    table = folder / "graph/words.txt"
    whole = table.read_bytes()
    table.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ModelError, match=r"1916 words.*words\.txt; found .*cut off"):
        VoskModel(folder)


def test_a_model_without_a_table_of_words_is_left_to_kaldi(tmp_path: Path) -> None:
    """The official small models have their words inside the graph."""
    folder = tmp_path / "model"
    shutil.copytree(MODEL / "model", folder)
    (folder / "graph/words.txt").unlink()
    check_words(folder)


def test_a_graph_in_one_piece_is_counted_like_one_by_states(tmp_path: Path) -> None:
    """OpenFst stores the large graphs as arrays: their highest word is found, too."""
    folder = tmp_path / "model"
    shutil.copytree(MODEL / "model", folder)
    arcs = np.zeros((3, 4), "<i4")
    arcs[:, 1] = [5, 2_000, 7]
    text = b"\x05\0\0\0const\x08\0\0\0standard"
    head = struct.pack("<i", 2_125_659_606) + text + struct.pack("<iiQqqq", 2, 0, 0, 0, 1, 3)
    state = struct.pack("<fIIII", 0.0, 0, 3, 0, 0)
    (folder / "graph/HCLG.fst").write_bytes(head + state + arcs.tobytes())
    with pytest.raises(ModelError, match=r"2001 words.*found 1917"):
        check_words(folder)


def test_loading_and_hearing_never_touch_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """With every socket refused a model loads and hears all the same."""

    def refuse(*arguments: object, **options: object) -> None:
        pytest.fail("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    heard = VoskModel(MODEL).transcriber().transcribe(np.zeros(RATE_HZ, np.int16))
    assert heard == Transcript(())
