"""Checks of the box itself: processor, Debian, Python, clock, heat, power, memory, card."""

from __future__ import annotations

import os
import platform
import struct
import subprocess
import sys
import time
from pathlib import Path

from sered.diagnose.checks import hardware
from sered.diagnose.model import Check, Context, Fix, Group, Outcome, fault, ok
from sered.settings import SpoolSettings
from sered.tap.clock import kernel_clock_synced

_DEBIANS = {"12": "Bookworm", "13": "Trixie"}
_NEWEST_PYTHON = (3, 13)
_DAY_S = 86_400.0
_NO_SPACE_MB = 20
"""Free space under which the spool soon takes no verdict."""
_MB = 1024 * 1024


def _bits(_: Context) -> Outcome:
    bits = 8 * struct.calcsize("P")
    found = f"{bits}-bit, {platform.machine()}"
    return ok(found) if bits == 64 else fault("32_bit", found)


def _python(_: Context) -> Outcome:
    found = platform.python_version()
    return ok(found) if sys.version_info[:2] <= _NEWEST_PYTHON else fault("new", found)


def _debian(context: Context) -> Outcome:
    try:
        release = platform.freedesktop_os_release()
        if context.root != Path("/"):
            release = _os_release(context.root / "etc/os-release")
    except OSError:
        return fault("unknown", "no /etc/os-release")
    found = release.get("PRETTY_NAME", "unnamed")
    family = {release.get("ID"), *release.get("ID_LIKE", "").split()}
    known = "debian" in family and release.get("VERSION_ID") in _DEBIANS
    return ok(found) if known else fault("unknown", found)


def _os_release(path: Path) -> dict[str, str]:
    pairs = (line.partition("=") for line in path.read_text().splitlines())
    return {key: value.strip("\"'") for key, eq, value in pairs if eq}


def _clock(_: Context) -> Outcome:
    installed = Path(__file__).stat().st_mtime
    now = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    if time.time() < installed - _DAY_S:
        since = time.strftime("%Y-%m-%d", time.gmtime(installed))
        return fault("wrong", f"{now}, but sered was installed on {since}")
    return ok(now) if kernel_clock_synced() else fault("not_synced", f"{now}, nobody keeps it")


def _set_ntp(_: Context) -> None:
    subprocess.run(["timedatectl", "set-ntp", "true"], check=True, timeout=10)


def spool_settings(context: Context) -> SpoolSettings:
    """The spool's section, its defaults where the configuration cannot be read."""
    return context.settings.spool if context.settings else SpoolSettings.model_validate({})


def existing(path: Path) -> Path:
    """The nearest folder above a file that is there."""
    return next(folder for folder in path.absolute().parents if folder.is_dir())


def _space(context: Context) -> Outcome:
    spool = spool_settings(context)
    where = existing(spool.path)
    stat = os.statvfs(where)
    free_mb = stat.f_bavail * stat.f_frsize / _MB
    found = f"{_size(free_mb)} free under {where}"
    fields = {"where": str(where), "max_mb": f"{spool.max_mb:.0f}"}
    if free_mb < _NO_SPACE_MB:
        return fault("full", found, **fields)
    if stat.f_files and stat.f_favail < 100:
        return fault("no_files", f"only {stat.f_favail} more files fit under {where}", **fields)
    return fault("little", found, **fields) if free_mb < spool.max_mb else ok(found)


def _size(megabytes: float) -> str:
    return f"{megabytes / 1024:.1f} GB" if megabytes >= 1024 else f"{megabytes:.0f} MB"


def _writable(context: Context) -> Outcome:
    where = existing(spool_settings(context).path)
    if os.statvfs(where).f_flag & os.ST_RDONLY:
        return fault("read_only", f"{where} is mounted read-only", where=str(where))
    return ok(f"{where} is")


CHECKS = (
    Check(
        "system.bits",
        "Python is a 64-bit one",
        "TensorFlow Lite and Vosk exist for 64-bit systems only.",
        _bits,
        failures={
            "32_bit": "Write the 64-bit edition of Raspberry Pi OS to the card (a Pi 3 or newer "
            "runs it) and install sered anew; a 32-bit system cannot be converted in place."
        },
    ),
    Check(
        "system.python",
        "Python is one that sered is tested with",
        "sered is tested with Python 3.11 (Bookworm) and 3.13 (Trixie).",
        _python,
        warnings={"new": "It may well work; the tested ones are 3.11 to 3.13."},
    ),
    Check(
        "system.debian",
        "the system is Debian Bookworm or Trixie",
        "The packages that sered needs are named as in these two.",
        _debian,
        warnings={
            "unknown": "It may well work; what sered is tested on is Debian or Raspberry Pi OS "
            "Bookworm (12) and Trixie (13)."
        },
    ),
    Check(
        "system.clock",
        "the clock is right and kept right",
        "Reports carry wall time, and TLS refuses certificates when the year is wrong. Without "
        "it calls are judged all the same and marked `clock_synced: false`.",
        _clock,
        failures={
            "wrong": "The clock runs behind. Connect the box to a network with a time server "
            "(UDP port 123 open), or set it: `sudo date -s 'YYYY-MM-DD HH:MM'`."
        },
        warnings={
            "not_synced": "`timedatectl` says which time server is asked; open UDP port 123 to "
            "it, or name your own in /etc/systemd/timesyncd.conf."
        },
        cheap="clock",
        fix=Fix(
            ("wrong", "not_synced"),
            "turn network time on: timedatectl set-ntp true",
            _set_ntp,
        ),
    ),
    Check(
        "system.temperature",
        "the processor is cool enough",
        "At about 82 °C a Raspberry Pi slows itself down and falls behind the call.",
        hardware.temperature,
        failures={"hot": "Free its vents, add a heat sink or fan, take it out of the sun."},
        warnings={"warm": "It still runs at full speed; give it more air before summer."},
        cheap="hot",
    ),
    Check(
        "system.power",
        "the power supply is strong enough",
        "Too little voltage makes USB sound cards drop out and corrupts memory cards.",
        hardware.power,
        failures={
            "under_voltage": "Use the power supply made for this Raspberry Pi and a short, thick "
            "cable; unplug what else draws power from its USB ports."
        },
        warnings={
            "was_under_voltage": "It recovered, but it will happen again: use the power supply "
            "made for this Raspberry Pi. The memory of it ends with the next boot."
        },
        cheap="under_voltage",
    ),
    Check(
        "system.speed",
        "the processor runs at full speed",
        "A slowed-down processor falls behind when all lines speak at once.",
        hardware.full_speed,
        failures={
            "throttled": "Heat or weak power slows it down: see the checks of temperature and "
            "power, and mend that."
        },
        warnings={
            "was_throttled": "Heat or weak power slowed it down for a while: more air, or a "
            "stronger power supply. The memory of it ends with the next boot."
        },
        cheap="throttled",
    ),
    Check(
        "system.memory",
        "there is memory to spare",
        "Without it the kernel ends the service in the middle of a call.",
        hardware.memory,
        failures={
            "none": "`systemd-cgtop -m` shows who holds it; end that, or use the small Vosk "
            "model ([models] vosk)."
        },
        warnings={
            "little": "Enough for now. The large Vosk models need gigabytes: this box wants a "
            "small one ([models] vosk)."
        },
        cheap="low_memory",
    ),
    Check(
        "system.space",
        "there is room for verdicts that wait",
        "While the broker is away, verdicts wait in the spool; a full disk cannot take them.",
        _space,
        failures={
            "full": "Make room on the disk that {where} is on: `sudo journalctl "
            "--vacuum-size=50M`, `sudo apt-get clean`; then look with `df -h {where}`.",
            "no_files": "The disk that {where} is on has no room for more files: `df -i {where}` "
            "shows it; remove folders with very many small files.",
        },
        warnings={
            "little": "Less than the {max_mb} MB that [spool] max_mb promises: make room, or "
            "lower max_mb."
        },
        cheap="disk_full",
    ),
    Check(
        "system.writable",
        "the spool's disk can be written",
        "A worn card turns read-only, and no verdict can be kept.",
        _writable,
        failures={
            "read_only": "`dmesg | grep -i -e mmc -e ext4` says why. `sudo mount -o "
            "remount,rw {where}` may help until the next fault; if it was the card, copy it to a "
            "new one now."
        },
        cheap="read_only",
    ),
    Check(
        "system.wear",
        "the memory card is not worn out",
        "Cards die of writing; most give signs first.",
        hardware.wear,
        failures={
            "errors": "Copy the card to a new one soon; `sudo e2fsck` on another machine mends "
            "the file system, not the card.",
            "worn_out": "Copy the card to a new one now.",
        },
        warnings={"worn": "Order a new card and copy this one to it before long."},
        cheap="card_worn",
    ),
)

GROUP = Group("system", "System", CHECKS, lane="box")
