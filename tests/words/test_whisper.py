"""Whisper's folder is looked at before it is loaded; who asks for it is told what is wrong."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING

import pytest

from sered.box.build import load_judges
from sered.box.named import faults
from sered.diagnose.checks import recogniser
from sered.diagnose.model import Context
from sered.errors import ModelError
from sered.settings import Settings
from sered.words.whisper import FILES, WhisperModel, checked
from whisper_stage import SHA256, whisper_base

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with every file, of which none is a network."""
    for name in (*FILES, "vocabulary.txt"):
        (tmp_path / name).write_text(name)
    return tmp_path


def settings(folder: Path, sha256: str | None) -> Settings:
    """A configuration that asks for Whisper."""
    models = {"recogniser": "whisper", "whisper": folder, "whisper_sha256": sha256}
    return Settings.model_validate({"mode": "text", "models": models})


@pytest.mark.parametrize("name", [*FILES, "vocabulary.txt"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    """Of a folder that is not whole, what is missing is said."""
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"found no {name}"):
        checked(folder, "0" * 64)


def test_a_network_without_a_pinned_digest_is_not_loaded(folder: Path) -> None:
    """Who names no digest is told the one of the file, to write it down if the file is trusted."""
    digest = hashlib.sha256(b"model.bin").hexdigest()
    with pytest.raises(ModelError, match=f'whisper_sha256 = "{digest}"'):
        checked(folder, None)


def test_another_network_is_refused(folder: Path) -> None:
    """A network that was exchanged is not loaded."""
    with pytest.raises(ModelError, match=r"wanted model\.bin with SHA-256 d01c3014881c"):
        WhisperModel(folder, SHA256, "en")


def test_what_is_no_network_is_said_to_be_none(folder: Path) -> None:
    """A folder with the right digest and the wrong content is a fault, not a traceback."""
    with pytest.raises(ModelError, match="found one that cannot be loaded"):
        WhisperModel(folder, hashlib.sha256(b"model.bin").hexdigest(), "en")


def test_without_the_library_the_extra_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without faster-whisper is told how to get it."""
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(ModelError, match=r"sered\[whisper\]"):
        WhisperModel(folder, hashlib.sha256(b"model.bin").hexdigest(), "en")


def test_config_check_says_what_is_wrong_with_whisper(folder: Path) -> None:
    """The fault stands at the setting that asks for Whisper, and says what is wanted."""
    (fault,) = faults(settings(folder, None))
    assert fault.loc == ("models", "recogniser")
    assert "whisper_sha256 = " in fault.sentence


def test_the_doctor_says_what_is_wrong_with_whisper(folder: Path) -> None:
    """The doctor's check of the recogniser's model is about the one that is configured."""
    look = recogniser.CHECKS[0].run
    missing = look(Context(settings(folder / "nowhere", SHA256)))
    assert (missing.fault, "nowhere" in missing.found) == ("no_whisper", True)
    assert look(Context(settings(folder, SHA256))).fault == "no_whisper"
    whole = look(Context(settings(folder, hashlib.sha256(b"model.bin").hexdigest())))
    assert whole.fault is None


@pytest.mark.slow
def test_reports_name_whisper_and_its_network() -> None:
    """`versions` carries the folder's name and how the network's digest begins."""
    judges = load_judges(settings(whisper_base(), SHA256))
    assert judges.versions.vosk_model == f"whisper-base-{SHA256[:8]}"
    assert judges.faults == ()


def test_without_whisper_the_voice_goes_on(folder: Path) -> None:
    """Where Whisper cannot be had, words are missing with a sentence and the voice is judged."""
    both = settings(folder, SHA256).model_copy(update={"mode": "both"})
    judges = load_judges(both)
    assert judges.recogniser is None
    assert judges.emotion is not None
    assert judges.faults[0][0] == "no_words"
