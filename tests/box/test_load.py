"""What the box's own figures promise."""

import socket
import time
from pathlib import Path

from sered.box.load import Meter
from sered.box.sd_notify import Notifier


def test_load_is_measured() -> None:
    """Work shows up as CPU, and memory is what the kernel says it is."""
    meter = Meter()
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    load = meter.look()
    assert load.cpu > 0.1
    rss_kib = next(
        int(line.split()[1])
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmRSS")
    )
    assert abs(load.rss_mb - rss_kib / 1024) < 20


def test_temperature_comes_from_the_first_zone(tmp_path: Path) -> None:
    """The SoC's temperature is read in degrees; a box without a sensor has none."""
    assert Meter(sys=tmp_path).look().temperature_c is None
    zone = tmp_path / "class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "temp").write_text("48312\n")
    assert Meter(sys=tmp_path).look().temperature_c == 48.312


def test_systemd_hears_each_word_once(tmp_path: Path) -> None:
    """READY, STATUS, WATCHDOG and STOPPING arrive as datagrams; a repeated status does not."""
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(address))
        systemd.settimeout(1)
        notifier = Notifier(str(address))
        notifier.ready()
        notifier.status("one line")
        notifier.status("one line")
        notifier.alive()
        notifier.stopping()
        got = [systemd.recv(100) for _ in range(4)]
    assert got == [b"READY=1", b"STATUS=one line", b"WATCHDOG=1", b"STOPPING=1"]


def test_without_systemd_nothing_happens() -> None:
    """No socket, no fault."""
    Notifier(None).ready()
    Notifier("/nonexistent/socket").alive()
