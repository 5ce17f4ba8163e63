"""Loads a TFLite network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sered import chatter
from sered.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path


def load_interpreter(path: Path, *, large: bool = False) -> Any:
    """A network on one thread; ModelError where the file is none.

    tflite-runtime where this Python has it (up to 3.11), else LiteRT, which goes on from it.
    `large`: LiteRT in any case, since it runs wide int8 layers ten times as fast.
    """
    interpret = _litert() if large else _runtime()
    try:
        # both tell the terminal by what they compute, and no setting of theirs stops it
        with chatter.without(_of_delegate):
            interpreter = interpret(model_path=str(path), num_threads=1)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelError(
            f"wanted a TFLite network in {path}; found {error}: put the shipped model back"
        ) from error
    return interpreter


def _of_delegate(line: bytes) -> bool:
    return line.startswith(b"INFO: Created TensorFlow Lite XNNPACK delegate")


def _runtime() -> Any:
    try:
        from tflite_runtime.interpreter import Interpreter  # noqa: PLC0415 - heavy
    except ImportError:
        return _litert()
    return Interpreter


def _litert() -> Any:
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - heavy

    return Interpreter
