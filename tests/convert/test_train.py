"""The whole of `make model` on two small pretended corpora: stages, files, refusals.

Runs where TensorFlow is: `make test` does it in an environment of its own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from convert.network import Plan
from convert.workshop import Effort

from convert import train
from sered.records import LABELS
from sered.voice.sidecar import read_sidecar

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.tensorflow

ACTED = {"tess": ("angry", "sad", "happy"), "savee": ("a", "sa", "h")}


def syllables(pitch_hz: float, rate_hz: float, seed: int) -> NDArray[np.int16]:
    """A buzz that swells `rate_hz` times a second."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(16_000 * rng.uniform(0.7, 0.9))) / 16_000
    phase = 2 * np.pi * pitch_hz * (time + 0.05 * np.sin(2 * np.pi * rng.uniform(1, 2) * time))
    buzz = sum(np.sin(order * phase) / order for order in range(1, 20))
    swell = np.maximum(np.sin(np.pi * rate_hz * time), 0.03)
    pcm: NDArray[np.int16] = np.rint(
        3000 * buzz * swell / 4 + 30 * rng.standard_normal(len(time))
    ).astype(np.int16)
    return pcm


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    """Two corpora of two voices, three emotions each, that differ in pitch and pace."""
    seed = 0
    for corpus, voices in (("tess", ("OAF", "YAF")), ("savee", ("DC", "JK"))):
        (tmp_path / "corpora" / corpus).mkdir(parents=True)
        for number, voice in enumerate(voices):
            for emotion, pitch, pace in zip(ACTED[corpus], (1.8, 0.8, 1.4), (9, 3, 5), strict=True):
                for take in range(12):
                    word = "abcdefghijkl"[take]
                    name = f"{voice}_{emotion}{take:02}"
                    if corpus == "tess":
                        name = f"{voice}_{word}_{emotion}"
                    seed += 1
                    pcm = syllables((110 + 60 * number) * pitch, pace, seed)
                    soundfile.write(tmp_path / "corpora" / corpus / f"{name}.wav", pcm, 16_000)
    return tmp_path / "corpora"


@pytest.mark.timeout(900)
def test_make_model_from_corpora_to_card(
    corpora: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One command: network, sidecar, card and pictures; a second run does no stage again."""
    monkeypatch.setattr(train, "Effort", lambda: Effort(copies=1, every=6, groups=2))
    small = Plan(branches=2, hidden=(8,), epochs=3, batch=16)
    monkeypatch.setattr(train, "Plan", lambda: small)
    monkeypatch.setattr("convert.manifests.FEWEST_SPEAKERS", 4)
    monkeypatch.setattr("convert.parity.LEAST_AGREEMENT", 0.5)
    monkeypatch.setattr("convert.parity.MOST_UAR_DROP", 0.5)
    monkeypatch.setattr("convert.parity.MOST_SATURATED", 0.1)
    monkeypatch.setattr("convert.keras_to_tflite.SMALLEST_CALIBRATION", 5)
    monkeypatch.setenv("JOBS", "1")
    arguments = [
        "--corpora", str(corpora), "--work", str(tmp_path / "work"), "--callers", "none.csv",
        "--out", str(tmp_path / "models" / "emotion.tflite"),
    ]  # fmt: skip
    train.main(arguments)
    out = capsys.readouterr().out
    assert "tess: 72 clips, 2 speakers" in out
    assert "SAVEE (English), left out altogether" in out
    models = tmp_path / "models"
    sidecar = read_sidecar(models / "emotion.tflite")
    assert sidecar.labels == LABELS
    assert sidecar.training["corpora"]["savee"]["speakers"] == 2
    for voice in ("tess-OAF", "savee-JK"):
        assert (
            read_sidecar(tmp_path / "work" / "held-out" / f"{voice}.tflite").sha256
            != sidecar.sha256
        )
    card = (models / "MODEL_CARD.md").read_text()
    assert sidecar.sha256 in card
    figures = json.loads((models / "card" / "figures.json").read_text())
    assert 0 <= figures["calibration"]["negative"]["error"] <= 1
    for picture in ("training", "confusion", "reliability", "coverage", "noise", "conditions"):
        assert f"card/{picture}.png" in card
        assert (models / "card" / f"{picture}.png").stat().st_size > 5000

    monkeypatch.setattr("convert.network.train", None)
    monkeypatch.setattr("convert.dataset.ProcessPoolExecutor", None)
    train.main(arguments)
    assert (models / "MODEL_CARD.md").read_text() == card
    # as in a clone: the model is there, what it was measured by is not
    next((tmp_path / "work").glob("trained-*/parity.json")).unlink()
    train.main(arguments)
    assert (models / "MODEL_CARD.md").read_text() == card

    monkeypatch.undo()
    monkeypatch.setenv("JOBS", "1")
    monkeypatch.setattr("convert.keras_to_tflite.SMALLEST_CALIBRATION", 5)
    train.main([*arguments, "--split", "random"])
    assert "measures memory" in capsys.readouterr().out


def test_no_corpora_is_one_sentence(tmp_path: Path) -> None:
    """Where nothing can be read, a sentence and no file."""
    with pytest.raises(SystemExit, match="No model: wanted a folder of tess"):
        train.main(["--corpora", str(tmp_path), "--work", str(tmp_path / "work")])
    assert not list(tmp_path.glob("**/*.tflite"))


def test_other_odds_make_the_file_anew() -> None:
    """A network lies ready with its own training and its own odds, and with no others."""
    file = Path(__file__).parents[2] / train.FULL
    shipped = read_sidecar(file)
    warmer = shipped.odds.model_copy(update={"temperature": shipped.odds.temperature + 0.01})
    assert train.up_to_date(file, shipped.training, shipped.odds)
    assert not train.up_to_date(file, shipped.training, warmer)
    assert not train.up_to_date(file, shipped.training | {"key": "another"}, shipped.odds)
    assert not train.up_to_date(file.with_name("nowhere.tflite"), {}, shipped.odds)
