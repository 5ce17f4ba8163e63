"""The installed service on real parts while its sound cards misbehave; one run, many promises.

Four lines on PulseAudio, Mosquitto beside them: `well` stays whole, `gone` is unplugged in
mid-call, `late` is absent at the start, the capture process of `mad` is killed, stopped and
garbled. A second service beside it has one line, `slow`, whose analysis hangs for 20 s.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest

from broker import Broker, Listener, wait_until
from pulse_lines import Desk
from service_stage import Run, Theatre, talking

if TYPE_CHECKING:
    from collections.abc import Iterator

LINES = ("well", "gone", "late", "mad")
SLOW = """
import time
from sered.cli import main
from sered.box.line import Line
feed, fed = Line.feed, [0]
def hang_once(self, frame, off_hook=None):
    fed[0] += 1
    if fed[0] == 12:
        time.sleep(20)
    return feed(self, frame, off_hook)
Line.feed = hang_once
main()
"""
"""`sered`, but for an analysis that hangs once for 20 s."""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("clock"),
    pytest.mark.timeout(240),
]


def garble(capture: psutil.Process) -> None:
    """Write nonsense into the pipe that the capture process writes to."""
    ends = [Path(f"/proc/{capture.pid}/fd") / fd for fd in ("3", "4", "5")]
    pipe = next(end for end in ends if str(end.readlink()).startswith("pipe:"))
    capture.suspend()
    with pipe.open("wb", buffering=0) as out:
        out.write(os.urandom(4096))
    # it may be found out and killed before
    with contextlib.suppress(psutil.NoSuchProcess):
        capture.resume()


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """Both services on one stage: first `box`, then `snail`; their stories played once."""
    folder = tmp_path_factory.mktemp("faults")
    broker = Broker(folder / "broker").start()
    theatre = Theatre(folder, Desk(folder / "desk", (*LINES, "slow")), broker, Listener(broker))
    try:
        for line in ("well", "gone", "mad", "slow"):
            theatre.desk.plug(line)
        box = theatre.start("box", LINES, Path(sys.executable).parent / "sered")
        theatre.desk.play(talking(120), "slow")
        snail = theatre.start("snail", ("slow",), sys.executable, "-c", SLOW)
        play(box, theatre.desk)
        snail.wait("snail to hang", lambda: "behind" in snail.ever("slow"))
        snail.wait("snail to catch up", lambda: "behind" not in snail.reasons("slow"), 40.0)
        snail.wait("its health", lambda: snail.health("slow")["frames"] > 100)
        for run in theatre.runs:
            run.seen["log"] = theatre.log(run)
        yield theatre
    finally:
        theatre.close()


@pytest.fixture
def run(theatre: Theatre) -> Run:
    """The service with the four lines."""
    return theatre.runs[0]


@pytest.fixture
def snail(theatre: Theatre) -> Run:
    """The service whose analysis hung."""
    return theatre.runs[1]


def _frames(run: Run, line: str) -> object:
    return run.health(line).get("frames")


def play(run: Run, desk: Desk) -> None:
    """What happens to the lines, in order."""
    began = time.monotonic()
    run.wait("READY", lambda: "READY=1" in run.notes)
    run.seen["reasons at READY"] = run.reasons("late")
    for line in ("well", "gone", "mad"):
        run.wait(f"sound on {line}", partial(_frames, run, line))
    me = psutil.Process(run.process.pid)
    run.seen["descriptors"] = me.num_fds()
    desk.play(talking(90), "well")
    speech = desk.play(talking(90), "gone")
    run.wait("a call on both", lambda: run.health("gone").get("in_call"))
    run.seen["killed"] = run.hurt("mad", lambda capture: capture.kill(), "failed")

    unplugged = time.monotonic()
    desk.unplug("gone")
    run.seen["unplug noticed"] = run.wait(
        "the unplugging", lambda: "unplugged" in run.reasons("gone")
    )
    run.seen["degraded"] = run.status()
    time.sleep(max(5.0 - (time.monotonic() - unplugged), 0.0))
    desk.plug("gone")
    plugged = time.monotonic()
    speech.kill()
    desk.play(talking(90), "gone")
    run.wait("gone to be back", lambda: not run.reasons("gone"))
    run.seen["back"] = time.monotonic() - plugged
    run.seen["outage"] = (plugged - unplugged, time.monotonic() - unplugged)

    run.seen["stopped"] = run.hurt("mad", lambda capture: capture.suspend(), "no_frames")
    time.sleep(max(20.0 - (time.monotonic() - began), 0.0))
    desk.plug("late")
    run.seen["late"] = run.wait("late to be heard", lambda: not run.reasons("late"))
    restarts = run.health("mad")["restarts"]
    capture = run.capture("mad")
    assert capture is not None
    garble(capture)
    run.seen["garbled"] = run.wait(
        "mad to be well again",
        lambda: run.health("mad")["restarts"] > restarts and not run.reasons("mad"),
    )
    run.wait("all to be well", lambda: run.status()["state"] == "online")
    run.seen["descriptors at the end"] = me.num_fds()
    run.seen["captures"] = [child.pid for child in me.children()]
    run.seen["health"] = {line: run.health(line) for line in LINES}
    stop(run)


def stop(run: Run) -> None:
    """SIGTERM, with a call open on two lines."""
    began = time.monotonic()
    run.process.send_signal(signal.SIGTERM)
    run.process.wait(20)
    run.seen["stop"] = time.monotonic() - began
    run.central.wait("box/calls", 2)
    run.seen["calls"] = [json.loads(payload) for payload in run.central.on("box/calls")]
    wait_until(lambda: run.status()["state"] == "offline", what="offline")


def test_ready_comes_when_every_line_was_heard_or_said_why_not(run: Run) -> None:
    """An absent card delays nothing: it has its reason, and the service is ready."""
    assert run.seen["reasons at READY"] == ("no_device",)


def test_an_unplugged_card_degrades_the_status_by_name(run: Run) -> None:
    """Within 6 s the retained status says which line, why and what to do; then all is well."""
    assert run.seen["unplug noticed"] < 6
    assert run.seen["degraded"]["state"] == "degraded"
    assert "unplugged" in run.seen["degraded"]["reasons"]
    assert "pcm:tap_gone" in run.seen["degraded"]["text"]
    assert run.ever("gone") <= {"failed", "unplugged", "no_frames"}


def test_sound_resumes_within_10_s_of_the_card(run: Run) -> None:
    """A card that is back after 5 s is heard again soon."""
    assert run.seen["back"] <= 10


def test_an_unplugged_call_stays_one_call_and_counts_its_loss(run: Run) -> None:
    """One report; `lost_s` is no less than the card was away, no more than until it was heard."""
    (call,) = (call for call in run.seen["calls"] if call["line"] == "gone")
    least, most = run.seen["outage"]
    assert least - 0.2 <= call["quality"]["lost_s"] <= most + 0.2
    assert call["duration_s"] > least


def test_a_card_that_appears_late_is_heard(run: Run) -> None:
    """Absent for the first 20 s, heard within 10 s of its appearance."""
    assert run.ever("late") == {"no_device"}
    assert run.seen["late"] <= 10
    assert run.seen["health"]["late"]["frames"] > 0


@pytest.mark.parametrize("how", ["killed", "stopped", "garbled"])
def test_a_capture_that_is_attacked_is_replaced(run: Run, how: str) -> None:
    """Killed, stopped or talking garbage: another one is heard within 12 s."""
    assert run.seen[how] < 12


def test_no_attacked_capture_is_left(run: Run) -> None:
    """Old captures are gone, as many run as there are lines, and descriptors do not grow."""
    assert not any(run.seen[f"mad {reason} old"] for reason in ("failed", "no_frames"))
    assert len(run.seen["captures"]) == len(LINES)
    assert run.seen["descriptors at the end"] <= run.seen["descriptors"] + 6


def test_the_well_line_did_not_notice(run: Run) -> None:
    """Its neighbours' troubles cost it no sample, no restart and no reason."""
    assert run.ever("well") <= {"low_level", "silent_line"}
    health = run.seen["health"]["well"]
    assert (health["restarts"], health["lost_s"]) == (0, 0)
    (call,) = (call for call in run.seen["calls"] if call["line"] == "well")
    assert call["quality"]["lost_s"] == 0


def test_sigterm_ends_within_3_s_and_reports_open_calls(run: Run) -> None:
    """A clean stop: status 0, both calls reported as shut down, `offline` said, captures gone."""
    assert run.seen["stop"] < 3
    assert run.process.returncode == 0
    assert {call["end_reason"] for call in run.seen["calls"]} == {"shutdown"}
    assert run.status()["state"] == "offline"
    assert not any(psutil.pid_exists(pid) for pid in run.seen["captures"])


def test_systemd_hears_the_truth(run: Run) -> None:
    """READY once, WATCHDOG while sound comes, STATUS a technician can read, STOPPING at the end."""
    assert run.notes.count("READY=1") == 1
    assert run.notes.count("WATCHDOG=1") > 5
    assert any("STATUS=degraded" in note and "pcm:tap_late" in note for note in run.notes)
    assert run.notes[-1] != "WATCHDOG=1"
    assert "STOPPING=1" in run.notes


def test_an_analysis_that_hangs_for_20_s_loses_nothing(snail: Run) -> None:
    """The sound waits, `behind` is said while it does, and is over when it has been heard."""
    assert "behind" in snail.ever("slow")
    health = snail.health("slow")
    assert (health["lost_s"], health["restarts"]) == (0, 0)
    assert "behind" not in snail.reasons("slow")


def test_the_watchdog_starves_while_the_analysis_hangs(snail: Run) -> None:
    """Sound still comes in, but nothing comes out: that is no progress."""
    gaps = np.diff(snail.fed)
    assert gaps.max() > 17
    assert np.median(gaps) < 2


def test_the_logs_have_no_traceback(run: Run, snail: Run) -> None:
    """Nothing of all this is an unexpected fault."""
    assert "Traceback" not in run.seen["log"]
    assert "Traceback" not in snail.seen["log"]
