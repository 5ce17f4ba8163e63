"""What the kernel and the firmware tell of the box: heat, power, speed, memory, the card's age."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from sered.diagnose.model import Context, Outcome, fault, ok, skip

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_WARM_C, _HOT_C = 75.0, 82.0
_LITTLE_MEMORY_MB, _NO_MEMORY_MB = 250, 60
_UNDER_VOLTAGE, _CAPPED, _THROTTLED, _SOFT_LIMIT = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_HAS_OCCURRED = 16
"""The firmware's history bits lie that far above those for now."""
_GET_THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"


def temperature(context: Context) -> Outcome:
    """Heat of the hottest part that tells it."""
    zones = sorted(context.root.glob("sys/class/thermal/thermal_zone*/temp"))
    try:
        hottest = max(int(zone.read_text()) / 1000.0 for zone in zones)
    except (OSError, ValueError):
        return skip("this machine does not tell its temperature")
    found = f"{hottest:.0f} °C"
    if hottest >= _HOT_C:
        return fault("hot", found)
    return fault("warm", found) if hottest >= _WARM_C else ok(found)


def _throttled(context: Context) -> int | None:
    """The Raspberry Pi firmware's word on power and heat; None: no such firmware."""
    try:
        return int((context.root / _GET_THROTTLED).read_text(), 16)
    except (OSError, ValueError):
        pass
    if not shutil.which("vcgencmd"):
        return None
    said = subprocess.run(
        ["vcgencmd", "get_throttled"], capture_output=True, text=True, check=False, timeout=2
    ).stdout
    try:
        return int(said.partition("=")[2], 16)
    except ValueError:
        return None


def power(context: Context) -> Outcome:
    """The firmware's word on the supply."""
    bits = _throttled(context)
    if bits is None:
        return skip("only a Raspberry Pi's firmware tells this")
    if bits & _UNDER_VOLTAGE:
        return fault("under_voltage", f"too little voltage now (0x{bits:x})")
    if bits & _UNDER_VOLTAGE << _HAS_OCCURRED:
        return fault("was_under_voltage", f"too little voltage since the last boot (0x{bits:x})")
    return ok("enough voltage since the last boot")


def full_speed(context: Context) -> Outcome:
    """The firmware's word on slowing down."""
    bits = _throttled(context)
    if bits is None:
        return skip("only a Raspberry Pi's firmware tells this")
    slow = _CAPPED | _THROTTLED | _SOFT_LIMIT
    if bits & slow:
        return fault("throttled", f"slowed down now (0x{bits:x})")
    if bits & slow << _HAS_OCCURRED:
        return fault("was_throttled", f"slowed down since the last boot (0x{bits:x})")
    return ok("never slowed down since the last boot")


def memory(context: Context) -> Outcome:
    """What the kernel could still give."""
    lines = (context.root / "proc/meminfo").read_text().splitlines()
    kib = {line.partition(":")[0]: int(line.split()[1]) for line in lines}
    free, total = kib["MemAvailable"] // 1024, kib["MemTotal"] // 1024
    found = f"{free} of {total} MB free"
    if free < _NO_MEMORY_MB:
        return fault("none", found)
    return fault("little", found) if free < _LITTLE_MEMORY_MB else ok(found)


def wear(context: Context) -> Outcome:
    """Errors that the file system counted, then what the card itself says of its age."""
    counts = {p.parent.name: _number(p) for p in context.root.glob("sys/fs/ext4/*/errors_count")}
    sick = [f"{disk}: {errors}" for disk, errors in sorted(counts.items()) if errors]
    if sick:
        return fault("errors", f"file system errors on {', '.join(sick)}")
    cards = context.root.glob("sys/block/mmcblk*/device")
    lives = [life for card in cards if (life := _life(card))]
    if not lives:
        return (
            ok("no file system errors; the card does not tell its age")
            if counts
            else skip("nothing here tells a card's age")
        )
    used, urgent = max(used for used, _ in lives), max(urgent for _, urgent in lives)
    found = f"{min(used * 10, 100)} % of its life used"
    if urgent >= 3 or used > 10:
        return fault("worn_out", found)
    return fault("worn", found) if urgent == 2 or used >= 9 else ok(found)


def _life(card: Path) -> tuple[int, int] | None:
    """(tenths of its life used, 1 normal / 2 warning / 3 urgent), as eMMC and some cards say."""
    try:
        tenths: Iterable[str] = (card / "life_time").read_text().split()
        urgent = int((card / "pre_eol_info").read_text(), 16)
        return max(int(part, 16) for part in tenths), urgent
    except (OSError, ValueError):
        return None


def _number(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0
