"""The card's first start, emulated, until verdicts wait for a broker; every write is logged."""

from __future__ import annotations

import random
import subprocess
import time
import wave
from typing import TYPE_CHECKING

import numpy as np

from emulated import writes
from emulated.box import Surroundings
from emulated.card import HOST, Card, eventually
from emulated.moments import Moment, keep
from emulated.seen import BOOT_S, VERDICT_S, looked_at, say
from project import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CONFIGURATION = """\
site = "emulated"
device = "card"
page_port = 80
[[line]]
card = "pcm:tap"
rate_hz = 8000
[calls]
hang_over_s = 5.0
[mqtt]
host = "{host}"
port = {port}
insecure = true
# by the card's clock, which is slower than the broker's
keepalive_s = 1800
username = "card"
"""
_NETWORK = 'hostname = "desk-7"\ntime_zone = "Europe/Berlin"\n'
# a card that keeps time by the kernel's clock (no kernel of Debian for arm64 has snd-dummy), and
# hears a recording
_ASOUND = """\
pcm.tap { type file slave.pcm "hw:Loopback,1" file "/dev/null" infile "/etc/calls.raw" format "raw"
  hint { show on description "tap" } }
"""
_CALLS = 12
"""In the recording that is heard once."""
_PAUSE_S = 12.0
_LATE = 10
"""Moments that are noted at least while a verdict waits, however few are to wait."""


def start(image: Path, arch: str, folder: Path, waiting: int) -> None:
    """Power, files taken over, `waiting` verdicts kept, and all of them at a broker."""
    subprocess.run(["rm", "-rf", folder], check=True)
    folder.mkdir()
    card, around = Card.of(image, arch, folder), Surroundings(folder / "broker")
    card.put(
        {
            "sered.toml": _CONFIGURATION.format(host=HOST, port=around.port),
            "sered-mqtt-password": "dahlia-91\n",
            "network.toml": _NETWORK,
            "authorized_keys": (folder / "key.pub").read_text(),
        }
    )
    card.plug_in(_a_tap(folder))
    subprocess.run(["cp", "--sparse=always", card.disk, folder / "before.img"], check=True)
    moments: list[Moment] = []

    def enough() -> bool:
        late = sum(bool(each.ended) for each in moments)
        return len(card.ended()) >= waiting and late >= _LATE

    try:
        card.power()
        for what, line, true, within_s in (
            ("READY", "service.ready", lambda: "service.ready" in card.said(), BOOT_S),
            ("the first verdict kept, no broker there", "call.ended", card.ended, VERDICT_S),
            (f"{waiting} verdicts kept", "", enough, VERDICT_S),
        ):
            _watch(card, moments, true, within_s, what)
            own = card.stamp(line) if line else 0.0
            say(f"power to {what}", time.monotonic() - card.powered_at, own)
        around.on()
        expected = card.ended()
        eventually(lambda: expected <= set(around.calls()), VERDICT_S, "the verdicts")
        say("power to all of them at the broker", time.monotonic() - card.powered_at)
        print(f"they are {around.calls()}", flush=True)
        assert int(looked_at(card)) > 0, "nothing was taken over"
    finally:
        keep(folder, around.port, moments)
        card.off()
        around.off()
    print(f"{len(moments)} moments, {writes.count(card.writes)} writes", flush=True)


def _watch(
    card: Card,
    moments: list[Moment],
    true: Callable[[], object],
    within_s: float,
    what: str,
) -> None:
    """Until it holds; meanwhile random moments are noted at which the power might fail."""
    chance, end = random.Random(), time.monotonic() + within_s
    while not true():
        if time.monotonic() > end:
            msg = f"waited {within_s:.0f} s in vain for {what}:\n{card.said()[-3000:]}"
            raise TimeoutError(msg)
        time.sleep(chance.uniform(1, 6))
        # in this order: what was said to be kept was written before
        ended, at_s = tuple(sorted(card.ended())), time.monotonic() - card.powered_at
        moments.append(Moment(at_s, writes.count(card.writes), ended))


def _a_tap(folder: Path) -> dict[str, Path]:
    """A recording of calls between which a line hums a little, and the card that hears it."""
    with wave.open(str(ROOT / "device/sered/demo/call.wav")) as call:
        sound = np.frombuffer(call.readframes(call.getnframes()), np.int16)
        pause = int(_PAUSE_S * call.getframerate()) * call.getnchannels()
    hum = np.random.default_rng(0).integers(-8, 9, pause).astype(np.int16)
    (folder / "calls.raw").write_bytes(np.concatenate([hum, sound]).tobytes() * _CALLS)
    (folder / "asound.conf").write_text(_ASOUND)
    (folder / "modules").write_text("snd-aloop\n")
    return {
        "calls.raw": folder / "calls.raw",
        "asound.conf": folder / "asound.conf",
        "modules-load.d/tap.conf": folder / "modules",
    }
