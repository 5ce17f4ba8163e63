"""The box itself: each fault is caused in the files that the kernel shows, or for real."""

from __future__ import annotations

import os
import stat
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sered.diagnose.checks import system
from sered.diagnose.model import Context, Mark, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

Examine = Callable[..., dict[str, Result]]


Box = Callable[[dict[str, str]], Path]
THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"


@pytest.fixture
def look(box: Box, examine: Examine) -> Callable[..., Result]:
    def look(name: str, files: dict[str, str]) -> Result:
        found = examine("system", Context(None, root=box(files)), f"system.{name}")
        return found[f"system.{name}"]

    return look


Look = Callable[[str, dict[str, str]], Result]


def test_a_32_bit_python_is_refused_with_the_way_out(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No 32-bit Python runs here: the width of its pointers is what is made up."""
    monkeypatch.setattr(struct, "calcsize", lambda _: 4)
    result = look("bits", {})
    assert (result.mark, result.fault) == (Mark.FAIL, "32_bit")
    assert result.found.startswith("32-bit")
    assert "64-bit edition of Raspberry Pi OS" in result.hint


@pytest.mark.parametrize(
    ("release", "mark"),
    [
        ('ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"', Mark.OK),
        ('ID=raspbian\nID_LIKE=debian\nVERSION_ID="13"', Mark.OK),
        ('ID=debian\nVERSION_ID="11"', Mark.WARN),
        ("ID=alpine\nVERSION_ID=3.20", Mark.WARN),
    ],
)
def test_only_bookworm_and_trixie_are_what_sered_is_tested_on(
    look: Look, release: str, mark: Mark
) -> None:
    """Other systems are a warning, those two are not."""
    assert look("debian", {"etc/os-release": release}).mark is mark


def test_a_clock_before_the_day_of_installation_is_wrong(
    look: Look, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The machine's clock is left alone: sered's own file is dated three days ahead of it."""
    ahead = tmp_path / "system.py"
    ahead.touch()
    os.utime(ahead, (time.time() + 3 * 86_400,) * 2)
    monkeypatch.setattr(system, "__file__", str(ahead))
    result = look("clock", {})
    assert (result.mark, result.fault) == (Mark.FAIL, "wrong")
    assert "but sered was installed on" in result.found
    assert "UDP port 123" in result.hint


@pytest.mark.parametrize(("synced", "mark"), [(True, Mark.OK), (False, Mark.WARN)])
def test_a_clock_that_nobody_keeps_is_a_warning(
    look: Look, monkeypatch: pytest.MonkeyPatch, synced: bool, mark: Mark
) -> None:
    """Whether this kernel's clock is kept depends on the machine, so the answer is made up."""
    monkeypatch.setattr(system, "kernel_clock_synced", lambda: synced)
    result = look("clock", {})
    assert result.mark is mark
    assert ("timedatectl" in result.hint) is not synced


@pytest.mark.parametrize(
    ("milli", "mark", "fault"),
    [("61234", Mark.OK, None), ("77000", Mark.WARN, "warm"), ("83100", Mark.FAIL, "hot")],
)
def test_heat_is_told_before_and_when_it_slows_the_box(
    look: Look, milli: str, mark: Mark, fault: str | None
) -> None:
    """The hottest zone counts: a warning near the limit, a failure at it."""
    zones = {
        "sys/class/thermal/thermal_zone0/temp": "40000",
        "sys/class/thermal/thermal_zone1/temp": milli,
    }
    result = look("temperature", zones)
    assert (result.mark, result.fault) == (mark, fault)
    assert result.found == f"{int(milli) / 1000:.0f} °C"


@pytest.mark.parametrize(
    ("bits", "power", "speed"),
    [
        ("0", None, None),
        ("50005", "under_voltage", "throttled"),
        ("50000", "was_under_voltage", "was_throttled"),
        ("80008", None, "throttled"),
        ("20000", None, "was_throttled"),
        ("10000", "was_under_voltage", None),
    ],
)
def test_the_firmwares_word_on_power_and_speed_is_read_bit_by_bit(
    look: Look, bits: str, power: str | None, speed: str | None
) -> None:
    """Under-voltage and throttling, now and since the start, are told apart."""
    assert look("power", {THROTTLED: bits}).fault == power
    assert look("speed", {THROTTLED: bits}).fault == speed


def test_vcgencmd_is_asked_where_the_kernel_does_not_show_the_firmwares_word(
    look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No Raspberry Pi here: a program of that name on the PATH answers as the firmware does."""
    tool = tmp_path / "vcgencmd"
    tool.write_text('#!/bin/sh\n[ "$1" = get_throttled ] && echo throttled=0x50005\n')
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    result = look("power", {})
    assert (result.mark, result.fault) == (Mark.FAIL, "under_voltage")
    assert "power supply made for this Raspberry Pi" in result.hint


@pytest.mark.parametrize(
    ("available", "fault"), [(900_000, None), (200_000, "little"), (40_000, "none")]
)
def test_memory_that_runs_out_is_told(look: Look, available: int, fault: str | None) -> None:
    """Little available memory is a warning, very little a failure."""
    files = {"proc/meminfo": f"MemTotal: 948000 kB\nMemAvailable: {available} kB\n"}
    assert look("memory", files).fault == fault


@pytest.mark.parametrize(
    ("life", "urgent", "fault"),
    [
        ("0x01 0x02", "0x01", None),
        ("0x03 0x09", "0x01", "worn"),
        ("0x05 0x05", "0x02", "worn"),
        ("0x0b 0x0b", "0x01", "worn_out"),
        ("0x08 0x08", "0x03", "worn_out"),
    ],
)
def test_a_cards_own_word_on_its_age_is_read(
    look: Look, life: str, urgent: str, fault: str | None
) -> None:
    """The wear that an SD card tells of itself is a fault with advice to copy it."""
    card = "sys/block/mmcblk0/device"
    result = look("wear", {f"{card}/life_time": life, f"{card}/pre_eol_info": urgent})
    assert result.fault == fault
    if fault:
        assert "copy" in result.hint.lower()


def test_file_system_errors_are_taken_for_a_dying_card(look: Look) -> None:
    """Errors that ext4 counted on the card are told with the partition."""
    files = {"sys/fs/ext4/mmcblk0p2/errors_count": "3", "sys/fs/ext4/sda1/errors_count": "0"}
    result = look("wear", files)
    assert (result.fault, result.found) == ("errors", "file system errors on mmcblk0p2: 3")


def test_a_box_that_tells_nothing_is_skipped_with_the_reason(look: Look) -> None:
    """What a machine does not tell is skipped, unless every Linux tells it."""
    assert look("temperature", {}).found == "this machine does not tell its temperature"
    assert look("wear", {}).mark is Mark.SKIP
    assert look("memory", {}).fault == "crashed", "a kernel without /proc/meminfo is no Linux"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A real file system of its own, of 1 MB, with the options given."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small disk")
    where = tmp_path / "disk"
    where.mkdir()
    mounted = False

    def mount(options: str) -> Path:
        nonlocal mounted
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(where)],
            check=False,
            capture_output=True,
        )
        if done.returncode:
            pytest.skip(f"cannot mount here: {done.stderr.decode().strip()}")
        mounted = True
        return where

    yield mount
    if mounted:
        subprocess.run(["umount", str(where)], check=True)


def test_a_full_disk_is_told_with_the_folder_to_look_at(
    small_disk: Callable[[str], Path], configured: Callable[..., Context], examine: Examine
) -> None:
    """A full file system fails with the spool's folder."""
    where = small_disk("size=1m")
    (where / "filler").write_bytes(b"x" * 1_000_000)
    result = examine("system", configured(f'[spool]\npath = "{where}/spool.db"'), "system.space")[
        "system.space"
    ]
    assert (result.mark, result.fault) == (Mark.FAIL, "full")
    assert f"df -h {where}" in result.hint


def test_a_disk_with_less_room_than_the_spool_is_promised_is_a_warning(
    small_disk: Callable[[str], Path], configured: Callable[..., Context], examine: Examine
) -> None:
    """Room for less than max_mb is a warning with both figures."""
    where = small_disk("size=64m")
    result = examine("system", configured(f'[spool]\npath = "{where}/spool.db"'), "system.space")[
        "system.space"
    ]
    assert (result.mark, result.fault) == (Mark.WARN, "little")
    assert "1024 MB that [spool] max_mb promises" in result.hint


def test_a_disk_without_room_for_another_file_is_told(
    small_disk: Callable[[str], Path], configured: Callable[..., Context], examine: Examine
) -> None:
    """A file system without inodes is told apart from one without bytes."""
    where = small_disk("size=64m,nr_inodes=20")
    result = examine("system", configured(f'[spool]\npath = "{where}/spool.db"'), "system.space")[
        "system.space"
    ]
    assert (result.mark, result.fault) == (Mark.FAIL, "no_files")


def test_a_disk_that_turned_read_only_is_told(
    small_disk: Callable[[str], Path], configured: Callable[..., Context], examine: Examine
) -> None:
    """A read-only file system fails with the folder and where to read why."""
    where = small_disk("size=64m,ro")
    result = examine(
        "system", configured(f'[spool]\npath = "{where}/spool.db"'), "system.writable"
    )["system.writable"]
    assert (result.mark, result.fault) == (Mark.FAIL, "read_only")
    assert "dmesg" in result.hint
    assert str(where) in result.hint
