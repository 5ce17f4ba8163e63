"""`make test-image`: the card's image in an emulated machine, from power to verdicts and cuts."""

from __future__ import annotations

import argparse
import base64
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from broker import free_port
from emulated.card import HOST, Card, eventually
from project import ROOT

_CONFIGURATION = """\
site = "emulated"
device = "card"
page_port = 80
[[line]]
card = "pcm:tap"
[calls]
hang_over_s = 5.0
[mqtt]
host = "{host}"
port = {port}
insecure = true
username = "card"
"""
_NETWORK = 'hostname = "desk-7"\ntime_zone = "Europe/Berlin"\n'
# a card that keeps time by the kernel's clock, and hears a recording
_ASOUND = """\
pcm.tap { type file slave.pcm "hw:Dummy,0" file "/dev/null" infile "/etc/call.raw" format "raw"
  hint { show on description "tap" } }
"""
_BOOT_S = 1500.0
_VERDICT_S = 1800.0


class Surroundings:
    """A broker that can be switched off, and a subscriber that keeps what it got."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        settings = f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
        settings += f"persistence_location {folder}/\nuser root\n"
        (folder / "mosquitto.conf").write_text(settings)
        self._running: list[subprocess.Popen[bytes]] = []

    def on(self) -> None:
        """Broker and subscriber."""
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin")
        assert program, "needs mosquitto"
        broker = subprocess.Popen([program, "-c", self._folder / "mosquitto.conf"])
        self._running = [broker]
        time.sleep(1)
        ask = ["mosquitto_sub", "-p", f"{self.port}", "-q", "1", "-c", "-i", "test"]
        with (self._folder / "received").open("ab") as out:
            ask += ["-t", "sered/+/+/calls"]
            self._running.append(subprocess.Popen(ask, stdout=out))

    def off(self) -> None:
        """Both."""
        for each in reversed(self._running):
            each.terminate()
            each.wait()
        self._running = []

    def calls(self) -> dict[str, str | None]:
        """What each call that arrived came to, by its id."""
        text = (self._folder / "received").read_text()
        reports = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return {each["call_id"]: (each["sentiment"] or {}).get("category") for each in reports}


def main() -> None:
    """Every step in turn, each with what it took; exit status 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path)
    parser.add_argument("--arch", default="arm64")
    parser.add_argument("--cuts", type=int, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="card-", dir=given.image.parent) as name:
        folder = Path(name)
        card, around = Card(given.image, given.arch, folder), Surroundings(folder)
        try:
            _whole(card, around, given.cuts)
        finally:
            shutil.copy(folder / "console.log", given.image.with_suffix(".console.log"))
            around.off()
            if card._machine:
                card.cut()


def _whole(card: Card, around: Surroundings, cuts: int) -> None:
    around.on()
    _first_start(card, around)
    _a_tap(card)
    _say("verdict after the tap was there", _first_verdict(around))
    around.off()
    expected = set()
    for number in range(cuts):
        expected |= _cut(card, number)
    around.on()
    card.power()
    eventually(card.answers, _BOOT_S, "the last start")
    began = time.monotonic()
    eventually(lambda: expected <= set(around.calls()), _VERDICT_S, f"{len(expected)} verdicts")
    _say(f"{cuts} power cuts, {len(expected)} verdicts waited, 0 lost", time.monotonic() - began)


def _first_start(card: Card, around: Surroundings) -> None:
    card.put(
        {
            "sered.toml": _CONFIGURATION.format(host=HOST, port=around.port),
            "sered-mqtt-password": "dahlia-91\n",
            "network.toml": _NETWORK,
            "authorized_keys": (card.folder / "key.pub").read_text(),
        }
    )
    card.power()
    _say("power to login by key", eventually(card.answers, _BOOT_S, "a login by key"))
    # an emulated processor loads libraries for longer than a unit waits
    card.run(
        "writable bash -c 'mkdir -p /etc/systemd/system/sered.service.d; cat >"
        "/etc/systemd/system/sered.service.d/emulated.conf' <<'END'\n"
        "[Service]\nTimeoutStartSec=900\nWatchdogSec=600\nEND\n"
        "systemctl daemon-reload; systemctl --no-block restart sered"
    )
    active = "systemctl is-active sered"
    taken = eventually(lambda: card.run(active, check=False) == "active", _BOOT_S, "READY")
    _say("and from there to READY", taken)
    print(card.run("systemd-analyze; systemctl --failed --no-legend; df -h / /data; free -m"))
    assert card.run("hostname") == "desk-7"
    assert "Berlin" in card.run("readlink /etc/localtime")
    assert card.run("ls /boot/firmware/sered-mqtt-password", check=False) == ""
    assert "taken over" in card.run("cat /boot/firmware/sered-says.txt")
    assert card.run("findmnt -no OPTIONS /").startswith("ro")
    size_kb = int(card.run("df --output=size /data | tail -n 1"))
    assert size_kb > 1_000_000, "the last partition did not grow"
    assert card.run("ls /var/log/journal", check=False) == ""
    assert card.run("passwd -S admin; passwd -S root").split()[1::7] == ["L", "L"]


def _a_tap(card: Card) -> None:
    with wave.open(str(ROOT / "device/sered/demo/call.wav")) as call:
        print(f"the call: {call.getparams()}")
        sound = base64.b64encode(call.readframes(call.getnframes())).decode()
    card.run(
        f"writable bash -c 'base64 -d >/etc/call.raw' <<'END'\n{sound}\nEND\n"
        f"writable bash -c 'cat >/etc/asound.conf; echo snd-dummy >/etc/modules-load.d/tap.conf' "
        f"<<'END'\n{_ASOUND}END\nmodprobe snd-dummy; systemctl restart sered"
    )


def _first_verdict(around: Surroundings) -> float:
    took = eventually(around.calls, _VERDICT_S, "a verdict")
    print(f"it is {around.calls()}")
    return took


def _cut(card: Card, number: int) -> set[str]:
    """One start and its end at a random moment; the calls whose end it saw in time."""
    if number:
        card.power()
        eventually(card.answers, _BOOT_S, f"start {number}")
    time.sleep(random.Random(number).uniform(0, 120))
    log = card.run("journalctl -u sered -o cat | grep call.ended || true", check=False)
    ended = {line.split("call=")[1].split()[0] for line in log.splitlines() if "call=" in line}
    card.cut()
    print(f"cut {number + 1}: {len(ended)} call(s) had ended", flush=True)
    return ended


def _say(what: str, seconds: float) -> None:
    print(f"{what}: {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
