"""Programs of a demonstration: a broker on a free port, and sered's own commands beside it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from sered.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

START_S = 10.0
"""How long a program may take to begin, or to end."""
_MOSQUITTO_PATH = "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin"


def free_port() -> int:
    """A port of the loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[int]:
    """A Mosquitto on a free loopback port; it is what sites run, and speaks MQTT 5."""
    program = shutil.which("mosquitto", path=_MOSQUITTO_PATH)
    if program is None:
        msg = "The demo needs Mosquitto, the MQTT broker: sudo apt-get install mosquitto"
        raise BrokerError(msg)
    port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    with (folder / "mosquitto.log").open("w") as log:
        server = subprocess.Popen([program, "-c", str(config)], stdout=log, stderr=log)
    try:
        until(lambda: _answers(port) or server.poll() is not None)
        if server.poll() is not None or not _answers(port):
            msg = f"Mosquitto did not start:\n{said(folder, 'mosquitto')}"
            raise BrokerError(msg)
        yield port
    finally:
        ended(server)


def started(
    stack: contextlib.ExitStack, folder: Path, command: str, *arguments: str
) -> subprocess.Popen[bytes]:
    """`sered COMMAND` until the stack ends; its stderr goes into the folder."""
    log = stack.enter_context((folder / f"{command.rsplit(maxsplit=1)[-1]}.log").open("w"))
    program = subprocess.Popen(
        [sys.executable, "-m", "sered", *command.split(), *arguments],
        stdout=subprocess.PIPE,
        stderr=log,
    )
    stack.callback(ended, program)
    return program


def ended(program: subprocess.Popen[bytes], patience_s: float = 0.0) -> None:
    """Wait for a program to end, then make it."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        program.wait(patience_s)
    program.terminate()
    try:
        program.wait(START_S)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()
    if program.stdout is not None:
        program.stdout.close()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
        return True
    return False


def until(true: Callable[[], bool]) -> None:
    """Wait for it, at most START_S."""
    end = time.monotonic() + START_S
    while not true() and time.monotonic() < end:
        time.sleep(0.02)


def said(folder: Path, program: str) -> str:
    """What a program wrote to stderr."""
    return (folder / f"{program}.log").read_text(errors="replace").strip()
