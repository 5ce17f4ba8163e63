"""What stands around the box in a system test: a broker, a subscriber, a sound card, a caller."""

from __future__ import annotations

import json
import shutil
import time
from typing import TYPE_CHECKING, Any

from broker import free_port
from project import ROOT, Ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from system.machine import Disk, Machine

CHECKOUT = "/root/sered"
NOT_IN_A_CHECKOUT = (
    ".git",
    ".venv*",
    ".*_cache",
    ".hypothesis",
    "build",
    "out",
    "dist",
    "__pycache__",
)
DEMO_CALL = f"{CHECKOUT}/device/sered/demo/call.wav"
_INSTALL_S = 900.0

_BROKER = """\
[Service]
ExecStart=/usr/sbin/mosquitto -c /etc/mosquitto/desk.conf
User=mosquitto
StateDirectory=desk-broker
StateDirectoryMode=0700
[Install]
WantedBy=multi-user.target
"""
_SUBSCRIBER = """\
[Service]
ExecStart=mosquitto_sub -h 127.0.0.1 -p {port} -q 1 -c -i desk -t "sered/#" -F %%j
StandardOutput=append:/root/received
Restart=always
RestartSec=0.5
[Install]
WantedBy=multi-user.target
"""
# a sound card that is PulseAudio's: plays in real time, and can be pulled
_CARD = """\
[Service]
ExecStart=/usr/bin/pulseaudio -n --daemonize=no --exit-idle-time=-1 --use-pid-file=no \\
  -L "module-native-protocol-unix auth-anonymous=1 socket=/run/desk-card/socket" \\
  -L "module-null-sink sink_name=tap rate=16000 channels=2"
User=pulse
RuntimeDirectory=desk-card desk-card/home
Environment=HOME=/run/desk-card/home PULSE_RUNTIME_PATH=/run/desk-card/home
[Install]
WantedBy=multi-user.target
"""
# a line is never as silent as a null sink: some noise, about -65 dBFS
_NOISE = """\
[Unit]
After=desk-card.service
PartOf=desk-card.service
[Service]
Environment=PULSE_SERVER=unix:/run/desk-card/socket
ExecStart=pacat --raw --rate=16000 --channels=2 --device=tap --volume=6500 /dev/urandom
Restart=always
RestartSec=0.5
[Install]
WantedBy=multi-user.target
"""
_ASOUND = """\
pcm.tap {
  type pulse
  server "unix:/run/desk-card/socket"
  device "tap.monitor"
  hint { show on  description "tap" }
}
"""
_CONFIGURATION = """\
site = "desk"
device = "box"
health_every_s = {health_every_s}
[[line]]
card = "pcm:tap"
[calls]
hang_over_s = 5.0
[mqtt]
host = "127.0.0.1"
port = {port}
"""


class Desk:
    """A machine with its surroundings; everything but the box starts with the machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.run = machine.run

    def furnish(self, *, health_every_s: float = 5.0) -> None:
        """Put checkout, broker, subscriber, card and the site's configuration on the disk."""
        disk = self.machine.disk
        port = put_broker(disk)
        disk.write("/etc/asound.conf", _ASOUND)
        units = {"subscriber": _SUBSCRIBER, "card": _CARD, "noise": _NOISE}
        for name, text in units.items():
            put_unit(disk, f"desk-{name}", text.replace("{port}", port))
        put_checkout(disk)
        text = _CONFIGURATION.format(port=port, health_every_s=health_every_s)
        disk.write("/etc/sered/sered.toml", text)

    def install(self, *arguments: str, check: bool = True) -> Ended:
        """`make install` in the checkout; with --upgrade, `make upgrade`."""
        target = "upgrade" if "--upgrade" in arguments else "install"
        script = f"make -C {CHECKOUT} --no-print-directory {target}"
        return self.run(script, check=check, timeout_s=_INSTALL_S, PIP_CACHE_DIR="/var/cache/pip")

    def show(self, name: str) -> str:
        """A property of the unit, as systemd names it."""
        return self.run(f"systemctl show sered -P {name}").out

    @property
    def status_line(self) -> str:
        """What `systemctl status` says in one line."""
        return self.show("StatusText")

    @property
    def healthy(self) -> bool:
        """Active, and it says of itself that all is well."""
        return self.show("ActiveState") == "active" and self.status_line.startswith("online")

    def received(self, leaf: str) -> list[dict[str, Any]]:
        """Payloads that the subscriber has, in order, of one kind."""
        text = self.run("cat /root/received 2>/dev/null || true").out
        messages = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        payloads = [json.loads(m["payload"]) for m in messages if m["topic"].endswith(f"/{leaf}")]
        # `sered diagnose` tries every topic with a message that says so
        return [payload for payload in payloads if payload["schema"] != "sered.probe/1"]

    def play(self, wav: str = DEMO_CALL) -> None:
        """A whole call into the card, in real time."""
        command = f"PULSE_SERVER=unix:/run/desk-card/socket paplay --device=tap {wav}"
        self.run(command, timeout_s=180.0)


def put_checkout(disk: Disk) -> None:
    """Put what is to be installed on it, with this machine's way to the libraries."""
    disk.lend_the_network()
    target = disk.root / CHECKOUT[1:]
    if not target.exists():
        shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*NOT_IN_A_CHECKOUT))


def put_broker(disk: Disk) -> str:
    """Put a broker on it that keeps what it has over a restart; its port, on the loopback."""
    port = f"{free_port()}"
    listener = f"listener {port} 127.0.0.1\nallow_anonymous true\n"
    keeps = "persistence true\npersistence_location /var/lib/desk-broker/\n"
    disk.write("/etc/mosquitto/desk.conf", listener + keeps)
    put_unit(disk, "desk-broker", _BROKER)
    return port


def put_unit(disk: Disk, name: str, text: str) -> None:
    """Put a service on it that starts with the machine."""
    disk.write(f"/etc/systemd/system/{name}.service", text)
    wanted = disk.root / f"etc/systemd/system/multi-user.target.wants/{name}.service"
    wanted.unlink(missing_ok=True)
    wanted.symlink_to(f"/etc/systemd/system/{name}.service")


def eventually(true: Callable[[], object], within_s: float, what: str) -> float:
    """Wait until it holds; seconds that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < within_s, f"waited {within_s} s in vain for {what}"
        time.sleep(0.3)
    return time.monotonic() - began


def unpinned(frozen: str, python: str) -> list[str]:
    """Of what `pip freeze` says, what is not as the constraints of that Python want it."""
    pins = (ROOT / f"systemd/constraints-{python}.txt").read_text(encoding="utf-8").splitlines()
    assert frozen
    return [
        line for line in frozen.splitlines() if line not in pins and not line.startswith("sered")
    ]
