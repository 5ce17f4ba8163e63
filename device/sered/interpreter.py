"""Loads a TFLite network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sered.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path


def load_interpreter(path: Path) -> Any:
    """LiteRT on one thread; ModelError where the file is no network."""
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - heavy

    try:
        interpreter = Interpreter(model_path=str(path), num_threads=1)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelError(
            f"wanted a TFLite network in {path}; found {error}: put the shipped model back"
        ) from error
    return interpreter
