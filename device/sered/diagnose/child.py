"""One check in a process of its own: started, hushed, ended, and how it died."""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sered.diagnose.model import Check, Context, Outcome, judge
from sered.errors import SeredError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_SHORT = 160
_REAP_S = 1.0
"""For a killed child to go; one that hangs in the kernel stays."""


@dataclass(slots=True)
class Child:
    """A check that runs."""

    check: Check
    pid: int
    pipe: Connection
    began: float

    @property
    def left_s(self) -> float:
        """Seconds until its deadline."""
        return self.check.deadline_s - (time.monotonic() - self.began)


def fork(check: Check, context: Context) -> Child:
    """Start it."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    # by hand: multiprocessing would wait at its end for a child that hangs in the kernel
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            ours.close()
            _in_child(check, context, theirs)
            status = 0
        finally:
            os._exit(status)
    theirs.close()
    return Child(check, pid, ours, time.monotonic())


def _in_child(check: Check, context: Context, pipe: Connection) -> None:
    os.setpgid(0, 0)
    _hush()
    pipe.send(answer(check, context))
    pipe.close()


def answer(check: Check, context: Context) -> Outcome | str:
    """What the check found; text: why it crashed."""
    try:
        outcome = check.run(context)
        judge(check, outcome)
    except SeredError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - the top of a child: a crash is a failed check
        first = next(iter(str(error).splitlines()), "")
        return f"crashed: {type(error).__name__}: {first}"[:_SHORT].rstrip(": ")
    return outcome


def _hush() -> None:
    """Sound and speech libraries chatter on the terminal; a check only answers."""
    faulthandler.disable()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def kill(child: Child) -> int | None:
    """End a check and whatever it started; how it had ended, None: it hangs in the kernel."""
    child.pipe.close()
    for end_it in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            end_it(child.pid, signal.SIGKILL)
    end = time.monotonic() + _REAP_S
    while time.monotonic() < end:
        pid, status = os.waitpid(child.pid, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    return None


def how_it_died(code: int | None) -> str:
    """A sentence about what `kill` returned."""
    if code is not None and code < 0:
        return f"crashed: {signal.Signals(-code).name}"
    return f"crashed: ended with status {code} and no answer"
