"""The int8 file as the device runs it, held against the float model: the gate of the build."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np
from convert.measures import uar

from sered.voice.emotion import TfliteEmotion
from sered.voice.sidecar import Tensor, quantise

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

MOST_BYTES = 400_000
LEAST_AGREEMENT = 0.985
"""Of the likeliest label. Labels are learnt smoothed, so that the first two often lie close."""
MOST_UAR_DROP = 0.005
MOST_SATURATED = 0.001


@dataclass(frozen=True, slots=True)
class Parity:
    """The int8 file against the float model, on clips that neither training nor calibration saw."""

    clips: int
    agreement: float
    """Share of clips with the same likeliest label."""
    uar_drop: float
    """Float UAR less int8 UAR; 0 when the clips' labels are not known."""
    saturated: float
    """Share of input values at the ends of the int8 range."""
    size_bytes: int

    def faults(self) -> list[str]:
        """What is not good enough, each as wanted and found; empty when all is well."""
        gates = (
            (self.agreement >= LEAST_AGREEMENT, "agreement of int8 and float", self.agreement,
             f"at least {LEAST_AGREEMENT:.1%}"),
            (self.uar_drop <= MOST_UAR_DROP, "loss of UAR", self.uar_drop,
             f"at most {MOST_UAR_DROP:.1%}"),
            (self.saturated <= MOST_SATURATED, "saturated inputs", self.saturated,
             f"at most {MOST_SATURATED:.1%}"),
        )  # fmt: skip
        found = [
            f"{what} {value:.2%}, wanted {want}" for well, what, value, want in gates if not well
        ]
        if self.size_bytes > MOST_BYTES:
            found.append(f"size {self.size_bytes} bytes, wanted at most {MOST_BYTES}")
        return found


def apart(job: Callable[..., Any], *arguments: Any) -> Any:
    """Run in a process of its own: the device's runtime breaks in one that has TensorFlow."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(job, *arguments).result()


def _as_device(file: Path, normalised: Floats) -> tuple[Tensor, Floats]:
    device = TfliteEmotion(file)
    return device.input, np.array([device.logits(row) for row in normalised])


def device_logits(file: Path, normalised: Floats) -> Floats:
    """What the device makes of normalised statistics, (clips, 7), by sered's own code."""
    return np.asarray(apart(_as_device, file, normalised)[1])


def compare(
    model: Any,
    file: Path,
    normalised: Floats,
    labels: NDArray[np.integer[Any]] | None,
) -> Parity:
    """The file as the device runs it against the float model, on normalised statistics."""
    tensor, logits = apart(_as_device, file, normalised)
    found = logits.argmax(axis=1)
    wanted = model.predict(normalised, verbose=0).argmax(axis=1)
    steps = quantise(normalised, tensor)
    known = np.zeros(0, int) if labels is None else np.flatnonzero(labels >= 0)
    drop = 0.0
    if labels is not None and len(known):
        drop = uar(labels[known], wanted[known]) - uar(labels[known], found[known])
    return Parity(
        clips=len(found),
        agreement=float(np.mean(wanted == found)),
        uar_drop=drop,
        saturated=float(np.mean((steps == -128) | (steps == 127))),
        size_bytes=file.stat().st_size,
    )
