"""Corpora by their official names: every trap of theirs is counted, none is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
from convert.corpora import COARSE, decode, load, merge, read_all, read_folder, read_manifest

from sered.errors import AudioError, ModelError
from sered.records import LABELS

if TYPE_CHECKING:
    from pathlib import Path

TONE = (6000 * np.sin(2 * np.pi * 220 * np.arange(8000) / 16_000)).astype(np.int16)


def record(path: Path, seed: int = 0, rate: int = 16_000, **how: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pcm = TONE + np.random.default_rng(seed).integers(-400, 400, len(TONE)).astype(np.int16)
    soundfile.write(path, pcm, rate, **how)
    return path


@pytest.mark.parametrize(
    ("corpus", "name", "speaker", "label"),
    [
        ("tess", "OAF_back_angry", "OAF", "angry"),
        ("tess", "OA_bite_neutral", "OAF", "neutral"),
        ("tess", "YAF_wire_ps", "YAF", "surprise"),
        ("ravdess", "03-01-02-01-01-02-24", "24", "neutral"),
        ("ravdess", "03-01-08-02-01-01-05", "05", "surprise"),
        ("emodb", "16b10Wb", "16", "angry"),
        ("emodb", "08a01Fd", "08", "happy"),
        ("nemo", "KS0_surprised_12", "KS0", "surprise"),
        ("crema-d", "1001_IEO_DIS_HI", "1001", "disgust"),
        ("crema-d", "1091_WSI_SAD_XX", "1091", "sad"),
        ("emovo", "gio-f1-b1", "f1", "happy"),
        ("emovo", "rab-m3-l4", "m3", "angry"),
        ("aesdd", "a01 (1)", "1", "angry"),
        ("aesdd", "s11_6", "6", "sad"),
        ("savee", "DC_su07", "DC", "surprise"),
        ("savee", "KL_sa11", "KL", "sad"),
        ("savee", "JK_n01", "JK", "neutral"),
    ],
)
def test_official_names_tell_speaker_and_emotion(
    tmp_path: Path, corpus: str, name: str, speaker: str, label: str
) -> None:
    """Each corpus' own naming, and the slips that are known of it."""
    record(tmp_path / f"{name}.wav")
    (clip,) = read_folder(tmp_path, corpus).clips
    assert (clip.speaker, clip.label, clip.corpus) == (f"{corpus}/{speaker}", label, corpus)


def test_boredom_is_counted_and_not_used(tmp_path: Path) -> None:
    """A class that is none of the seven is reported by name."""
    record(tmp_path / "03a01Lb.wav")
    record(tmp_path / "03a01Wa.wav")
    found = read_folder(tmp_path, "emodb")
    assert len(found.clips) == 1
    assert "boredom" in found.report()


def test_contradictory_labels_are_counted_and_not_used(tmp_path: Path) -> None:
    """CREMA-D's clips with contradictory labels are known by name."""
    for name in ("1006_TIE_NEU_XX", "1013_WSI_SAD_XX", "1013_WSI_ANG_XX"):
        record(tmp_path / f"{name}.wav", seed=len(name))
    found = read_folder(tmp_path, "crema-d")
    assert [clip.path.stem for clip in found.clips] == ["1013_WSI_ANG_XX"]
    assert sum(map(len, found.refused.values())) == 2


@pytest.mark.parametrize(
    ("table", "head"),
    [("summaryTable.csv", "FileName,VoiceVote"), ("manifest.csv", "path,voice_vote")],
)
def test_what_the_crowd_heard_goes_with_a_clip(tmp_path: Path, table: str, head: str) -> None:
    """CREMA-D's votes on the voice alone are read, ties too, from its own table or a manifest."""
    for name in ("1001_DFA_ANG_XX", "1001_DFA_FEA_XX", "1001_DFA_SAD_XX"):
        record(tmp_path / f"{name}.wav", seed=len(name))
    rows = ("1001_DFA_ANG_XX,A", "1001_DFA_FEA_XX,N:S")
    (tmp_path / table).write_text("\n".join((head, *rows)) + "\n")
    heard = {clip.label: clip.heard for clip in read_folder(tmp_path, "crema-d").clips}
    assert heard == {"angry": ("angry",), "fear": ("neutral", "sad"), "sad": ()}


def test_coarse_labels_of_a_manifest_are_usable(tmp_path: Path) -> None:
    """Negative / not, three classes and plain unlabelled speech are labels, too."""
    labels = ["negative", "not negative", "Positive", "neutral", "unlabelled", "anger"]
    lines = ["path,speaker,label,call"]
    for number, label in enumerate(labels):
        record(tmp_path / f"{number}.wav", seed=number)
        lines.append(f"{number}.wav,p{number},{label},c{number}")
    (tmp_path / "own.csv").write_text("\n".join(lines))
    clips = read_manifest(tmp_path / "own.csv").clips
    assert [clip.label for clip in clips] == [
        "negative", "not negative", "positive", "neutral", "ordinary", "angry",
    ]  # fmt: skip
    assert clips[0].call == "c0"
    for label in COARSE:
        assert sum(COARSE[label].values()) == pytest.approx(1)
        assert set(COARSE[label]) < set(LABELS)


def test_strange_names_and_labels_are_counted(tmp_path: Path) -> None:
    """A file that is not the corpus', or has no known label, is reported and not guessed."""
    record(tmp_path / "OAF_back_angry.wav")
    record(tmp_path / "OAF_back_bored.wav")
    record(tmp_path / "holiday.wav")
    found = read_folder(tmp_path, "tess")
    assert len(found.clips) == 1
    assert found.refused["unknown label"] == ["OAF_back_bored.wav"]
    assert "holiday.wav" in found.report()


def test_silent_clip_is_not_used(tmp_path: Path) -> None:
    """Near-silence (CREMA-D has one) is reported."""
    soundfile.write(tmp_path / "1076_MTI_SAD_XX.wav", np.full(8000, 3, np.int16), 16_000)
    record(tmp_path / "1076_MTI_ANG_XX.wav")
    found = read_folder(tmp_path, "crema-d")
    clips, sounds = load(found)
    assert len(clips) == len(sounds) == 1
    assert found.refused["silent"] == ["1076_MTI_SAD_XX.wav"]


def test_the_same_sound_twice_counts_once(tmp_path: Path) -> None:
    """RAVDESS has one take twice: one stays."""
    for take in ("01", "02"):
        record(tmp_path / f"03-01-03-01-02-{take}-07.wav", seed=1)
    found = read_folder(tmp_path, "ravdess")
    clips, _ = load(found)
    assert len(clips) == 1
    assert found.refused["double of another clip"] == ["03-01-03-01-02-02-07.wav"]


def test_the_same_sound_with_two_labels_counts_not_at_all(tmp_path: Path) -> None:
    """One of the two labels is wrong, and nobody knows which."""
    record(tmp_path / "DC_a01.wav", seed=1)
    record(tmp_path / "DC_h01.wav", seed=1)
    record(tmp_path / "DC_n01.wav", seed=2)
    found = read_folder(tmp_path, "savee")
    clips, _ = load(found)
    assert [clip.path.name for clip in clips] == ["DC_n01.wav"]
    assert len(found.refused["same sound, contradictory labels"]) == 2


def test_unreadable_file_is_counted(tmp_path: Path) -> None:
    """A broken file does not end the reading."""
    (tmp_path / "DC_a01.wav").write_bytes(b"RIFF....")
    record(tmp_path / "DC_n01.wav")
    found = read_folder(tmp_path, "savee")
    assert len(load(found)[0]) == 1
    assert len(found.refused["unreadable"]) == 1


@pytest.mark.parametrize(
    ("name", "rate", "how"),
    [
        ("OAF_a_sad.wav", 24_414, {}),
        ("OAF_b_sad.wav", 96_000, {}),
        ("OAF_c_sad.wav", 48_000, {"format": "AIFF"}),
        ("OAF_d_sad.flac", 44_100, {}),
        ("OAF_e_sad.opus", 48_000, {"format": "OGG", "subtype": "OPUS"}),
    ],
)
def test_any_rate_and_format_becomes_sixteen_kilohertz(
    tmp_path: Path, name: str, rate: int, how: dict[str, Any]
) -> None:
    """TESS' odd rates, AIFF inside .wav, FLAC and Opus: 16 kHz int16, of the same duration."""
    seconds = len(TONE) / rate
    pcm = decode(record(tmp_path / name, rate=rate, **how))
    assert pcm.dtype == np.int16
    assert len(pcm) == pytest.approx(seconds * 16_000, rel=0.03, abs=200)


def test_stereo_is_mixed_down(tmp_path: Path) -> None:
    """RAVDESS has stereo clips: one channel comes out, at the level of the two."""
    path = tmp_path / "03-01-05-01-02-01-07.wav"
    soundfile.write(path, np.stack([TONE, TONE], axis=1), 16_000)
    np.testing.assert_allclose(decode(path), TONE, atol=2)


def test_odd_formats_are_used_and_counted(tmp_path: Path) -> None:
    """A stereo clip, and one of another rate than its corpus, are named in the report."""
    for number in range(3):
        record(tmp_path / f"OAF_{'abc'[number]}_sad.wav", seed=number, rate=24_414)
    record(tmp_path / "OAF_food_fear.wav", seed=7, rate=96_000)
    soundfile.write(tmp_path / "YAF_back_sad.wav", np.stack([TONE, TONE], axis=1), 24_414)
    found = read_folder(tmp_path, "tess")
    assert len(load(found)[0]) == 5
    assert found.mended == {
        "several channels, mixed down to one": ["YAF_back_sad.wav"],
        "another rate than the 24414 Hz of tess, resampled like all": ["OAF_food_fear.wav"],
    }
    assert "used, several channels, mixed down to one: 1 (YAF_back_sad.wav)" in found.report()
    assert merge([found]).mended == found.mended


def test_no_sound_is_a_sentence(tmp_path: Path) -> None:
    """Text that is called .wav: AudioError."""
    (tmp_path / "a.wav").write_text("no sound")
    with pytest.raises(AudioError, match=r"wanted sound in a\.wav"):
        decode(tmp_path / "a.wav")


def test_manifest_of_own_recordings(tmp_path: Path) -> None:
    """path,speaker,label beside the recordings; what cannot be used is reported."""
    record(tmp_path / "calls/1.wav")
    manifest = tmp_path / "ours.csv"
    manifest.write_text(
        "path,speaker,label\ncalls/1.wav,anna,angry\ncalls/2.wav,anna,sad\n"
        "calls/1.wav,anna,furious\ncalls/1.wav,,sad\n"
    )
    found = read_manifest(manifest, "ours")
    assert [(clip.speaker, clip.label) for clip in found.clips] == [("ours/anna", "angry")]
    unknown, *others = sorted(found.refused)
    assert unknown.startswith("label is none of angry, ")
    assert unknown.endswith("ordinary")
    assert others == ["no speaker", "no such file"]


@pytest.mark.parametrize("text", ["", "file,who\na.wav,b\n"])
def test_manifest_without_its_columns_is_refused(tmp_path: Path, text: str) -> None:
    """The wanted columns are named."""
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(ModelError, match="path,speaker,label"):
        read_manifest(tmp_path / "m.csv")


def test_no_corpus_at_all_is_refused(tmp_path: Path) -> None:
    """An empty folder, and a folder without that corpus' files: each a sentence."""
    with pytest.raises(ModelError, match="wanted a folder of tess"):
        read_all(tmp_path)
    (tmp_path / "tess").mkdir()
    with pytest.raises(ModelError, match="unpack the corpus there"):
        read_all(tmp_path)
    with pytest.raises(ModelError, match="manifest"):
        read_folder(tmp_path, "iemocap")


def test_corpora_add_up(tmp_path: Path) -> None:
    """Two corpora and what was refused of each are one."""
    record(tmp_path / "savee/DC_a01.wav")
    record(tmp_path / "emodb/03a01Lb.wav")
    record(tmp_path / "emodb/03a01Wa.wav")
    parts = [read_folder(tmp_path / name, name) for name in ("savee", "emodb")]
    whole = merge(parts)
    assert {clip.corpus for clip in whole.clips} == {"savee", "emodb"}
    assert sum(map(len, whole.refused.values())) == 1
