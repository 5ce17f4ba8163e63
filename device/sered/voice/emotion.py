"""The emotion network: int8 TFLite by the tensor's own numbers, checked against its sidecar."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sered.errors import ModelError
from sered.interpreter import load_interpreter
from sered.records import LABELS, RATE_HZ, Emotion
from sered.voice.recipe import Recipe
from sered.voice.sidecar import agitation, normalise, probabilities, quantise, read_sidecar
from sered.voice.statistics import names, statistics, windows

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from sered.voice.sidecar import Tensor


class EmotionModel(Protocol):
    """Judges how an utterance sounds."""

    sha256: str
    """Of the model's file, for reports."""

    def judge(self, pcm: NDArray[np.int16]) -> Emotion | None:
        """One utterance, 16 kHz mono; None when there is nothing to judge."""


def tuning_signal() -> NDArray[np.int16]:
    """One second of a gliding buzz with pauses: the same samples on every machine."""
    time = np.arange(RATE_HZ) / RATE_HZ
    phase = 2 * np.pi * (150 * time + 40 * time**2)
    buzz = sum(np.sin(order * phase) / order for order in range(1, 16))
    swell = np.maximum(np.sin(2 * np.pi * 3 * time), 0.05)
    return np.asarray(np.rint(6000 * buzz * swell), np.int16)


class TfliteEmotion:
    """The shipped network. `judge` may be called from several threads."""

    def __init__(self, path: Path) -> None:
        self._sidecar = sidecar = read_sidecar(path)
        self.sha256 = sidecar.sha256
        self._recipe = Recipe.from_dict(sidecar.recipe)
        self._interpreter = load_interpreter(path)
        self._lock = threading.Lock()
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        self._check_shape(path)
        self._check_golden(path)

    @property
    def input(self) -> Tensor:
        """The numbers of the network's input."""
        return self._sidecar.input

    def judge(self, pcm: NDArray[np.int16]) -> Emotion | None:
        """One utterance, 16 kHz mono int16; None with less than 0.2 s of voice.

        A long one is heard in windows, whose outputs are averaged.
        """
        heard = [statistics(part, self._recipe) for part in windows(pcm, self._recipe)]
        rows = [row for row in heard if row is not None]
        if not rows:
            return None
        normalised = [normalise(row, self._sidecar.normalisation) for row in rows]
        logits = np.mean([self.logits(row) for row in normalised], axis=0)
        odds = self._sidecar.odds
        shares = probabilities(logits, odds)
        return Emotion(tuple(float(share) for share in shares), float(agitation(logits, odds)))

    def logits(self, normalised: NDArray[np.float32]) -> NDArray[np.float32]:
        """The network alone: normalised statistics (width,) to raw outputs, (7,) for LABELS."""
        with self._lock:
            self._interpreter.set_tensor(
                self._input["index"], quantise(normalised, self._sidecar.input)[None]
            )
            self._interpreter.invoke()
            out = self._interpreter.get_tensor(self._output["index"])[0]
        steps = out.astype(np.float32) - self._sidecar.output.zero_point
        return np.asarray(steps * self._sidecar.output.scale, np.float32)

    def _check_shape(self, path: Path) -> None:
        sidecar, width = self._sidecar, len(names(self._recipe))
        wanted = {
            "labels": (LABELS, tuple(sidecar.labels)),
            "offsets": (len(LABELS), len(sidecar.odds.offsets)),
            "heat": (len(LABELS), len(sidecar.odds.heat)),
            "input": ([1, width], list(self._input["shape"])),
            "output": ([1, len(LABELS)], list(self._output["shape"])),
            "input type": (np.int8, self._input["dtype"]),
            "output type": (np.int8, self._output["dtype"]),
            "input numbers": (_numbers(sidecar.input), _tensor_numbers(self._input)),
            "output numbers": (_numbers(sidecar.output), _tensor_numbers(self._output)),
            "normalisation": (
                (width, width),
                (len(sidecar.normalisation.mean), len(sidecar.normalisation.deviation)),
            ),
        }
        for what, (want, found) in wanted.items():
            if want != found:
                raise ModelError(
                    f"wanted {what} {want} in {path.name}; found {found}: "
                    "install the model and the sered that belong together"
                )

    def _check_golden(self, path: Path) -> None:
        """The same sound must give the same numbers here as where the model was made."""
        golden, found = self._sidecar.golden, statistics(tuning_signal(), self._recipe)
        assert found is not None
        normalised = normalise(found, self._sidecar.normalisation)
        shares = probabilities(self.logits(normalised), self._sidecar.odds)
        off = max(
            _distance(normalised, golden.statistics),
            # one step of the int8 outputs may round the other way on another processor
            _distance(shares, golden.probabilities) / 5,
        )
        if off > 0.01:
            raise ModelError(
                f"wanted {path.name} to judge its tuning signal as its sidecar says; found it off "
                f"by {off:.3f}: install the model and the sered that belong together"
            )


def _distance(found: NDArray[Any], wanted: tuple[float, ...]) -> float:
    if len(found) != len(wanted):
        return float("inf")
    return float(np.abs(found - np.asarray(wanted)).max())


def _numbers(tensor: Tensor) -> tuple[float, int]:
    return round(tensor.scale, 7), tensor.zero_point


def _tensor_numbers(details: dict[str, Any]) -> tuple[float, int]:
    scale, zero_point = details["quantization"]
    return round(float(scale), 7), int(zero_point)
