"""What C libraries say unasked stays off the terminal, and nothing else does."""

import os
import subprocess
import sys

import pytest

from sered import chatter, config
from sered.settings import ModelSettings

LOADS = """
import sys
from pathlib import Path
from sered.interpreter import load_interpreter
load_interpreter(Path(sys.argv[1]), large=True)
"""


def _of_library(line: bytes) -> bool:
    return line.startswith(b"INFO: ")


def _fails(said: bytes) -> None:
    os.write(2, said)
    raise RuntimeError


def test_only_what_nobody_asked_for_is_kept_back(capfd: pytest.CaptureFixture[str]) -> None:
    """Lines that are not the library's reach stderr, though an error ends the block."""
    with pytest.raises(RuntimeError), chatter.without(_of_library):
        _fails(b"INFO: a delegate was made\nERROR: no memory\n")
    os.write(2, b"INFO: of somebody else\n")
    assert capfd.readouterr().err == "ERROR: no memory\nINFO: of somebody else\n"


def test_the_network_of_sentences_is_loaded_without_a_word() -> None:
    """LiteRT tells the terminal of no delegate, and a closed stderr keeps nothing from loading."""
    network = str(config.model_path(ModelSettings().sentences))
    command = [sys.executable, "-c", LOADS, network]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    assert done.stderr == b""
    closed = ["/bin/sh", "-c", 'exec "$0" "$@" 2>&-', *command]
    subprocess.run(closed, timeout=60, check=True)
