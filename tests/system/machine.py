"""A Debian machine that boots: debootstrap for its disk, systemd-nspawn for its power switch."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from broker import wait_until
from project import Ended

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sered" / "machines"

# what a Raspberry Pi OS has besides the base, and what stands around the box: broker and card
_AROUND = {
    "amd64": "systemd,systemd-sysv,udev,dbus,ca-certificates,make,git,"
    "mosquitto,mosquitto-clients,pulseaudio,pulseaudio-utils,libasound2-plugins",
    # emulated: not booted, and every package takes its time
    "arm64": "systemd,ca-certificates,make",
}
# how the machine that runs the tests reaches its package mirrors is lent, whatever it is
_LENT_FILES = ("/etc/resolv.conf", "/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")
_LENT_FOLDERS = ("/usr/local/share/ca-certificates",)
_LENT_PREFIXES = (
    "PIP_INDEX",
    "PIP_EXTRA",
    "PIP_CERT",
    "SSL_CERT_FILE",
    "http_proxy",
    "https_proxy",
)

_BOOT_S = 60.0
_OFF_S = 40.0


@contextlib.contextmanager
def a_bus() -> Iterator[None]:
    """The bus that systemd-nspawn wants: nobody else's, and gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        address = f"unix:path={folder}/bus"
        command = ["dbus-daemon", "--session", "--nofork", f"--address={address}"]
        with subprocess.Popen(command) as bus:
            wait_until(Path(folder, "bus").exists, what="a bus")
            os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = address
            try:
                yield
            finally:
                del os.environ["DBUS_SYSTEM_BUS_ADDRESS"]
                bus.terminate()


def lent_environment() -> dict[str, str]:
    """Of this machine's environment, what package tools need to reach their mirrors."""
    return {k: v for k, v in os.environ.items() if k.startswith(_LENT_PREFIXES)}


def seed(suite: str, arch: str = "amd64") -> Path:
    """The disk of a freshly written card, made once and kept in the cache."""
    disk = CACHE / f"{suite}-{arch}"
    if (disk / "etc/debian_version").exists() and not (disk / ".unfinished").exists():
        return disk
    shutil.rmtree(disk, ignore_errors=True)
    disk.mkdir(parents=True)
    (disk / ".unfinished").touch()
    command = ["debootstrap", "--variant=minbase", f"--arch={arch}", f"--include={_AROUND[arch]}"]
    subprocess.run([*command, suite, disk], check=True, stdout=subprocess.DEVNULL)
    # the tests start a broker and a card of their own
    for unit in ("mosquitto.service", "apt-daily.timer", "apt-daily-upgrade.timer"):
        (disk / "etc/systemd/system" / unit).unlink(missing_ok=True)
        (disk / "etc/systemd/system" / unit).symlink_to("/dev/null")
    for path in disk.glob("var/cache/apt/archives/*.deb"):
        path.unlink()
    (disk / ".unfinished").unlink()
    return disk


@contextlib.contextmanager
def disk_like(lower: Sequence[Path], work: Path) -> Iterator[Disk]:
    """A disk that starts as the (topmost first) layers below it, and keeps changes to itself."""
    disk = Disk(work / "root", work / "upper", tuple(lower))
    for folder in (disk.root, disk.upper, work / "work"):
        folder.mkdir(parents=True)
    layers = ":".join(str(path) for path in lower)
    options = f"lowerdir={layers},upperdir={disk.upper},workdir={work / 'work'}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, disk.root], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk.root], check=True)
        shutil.rmtree(work)


@dataclass(frozen=True)
class Disk:
    """A machine's files, as they are while it is off."""

    root: Path
    upper: Path
    lower: tuple[Path, ...]

    @property
    def layers(self) -> tuple[Path, ...]:
        """To lay another disk over this one."""
        return (self.upper, *self.lower)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Put a file on it."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        target.chmod(mode)

    def lend_the_network(self) -> None:
        """Give it this machine's way to its package mirrors."""
        for name in _LENT_FILES:
            if Path(name).is_file():
                target = self.root / name[1:]
                target.unlink(missing_ok=True)
                target.write_bytes(Path(name).read_bytes())
        for name in _LENT_FOLDERS:
            if Path(name).is_dir():
                shutil.copytree(name, self.root / name[1:], dirs_exist_ok=True)


@dataclass
class Machine:
    """Power switch and root shell of a disk."""

    disk: Disk
    options: tuple[str, ...] = ()
    """For systemd-nspawn, such as --private-network."""
    before: tuple[str, ...] = ()
    """A command that runs systemd-nspawn."""
    _nspawn: subprocess.Popen[bytes] | None = None
    _init: int = 0
    _log: Path = field(init=False)

    def __post_init__(self) -> None:
        self._log = self.disk.root.parent / "console.log"

    def boot(self, within_s: float = _BOOT_S) -> None:
        """Until systemd says that it is up."""
        command = ["systemd-nspawn", "-q", "-D", str(self.disk.root), "--boot", "--register=no"]
        command += ["--keep-unit", "--resolv-conf=off", "--timezone=off", "--link-journal=no"]
        # with these systemd in there can enforce what a unit says of devices
        command += ["--capability=CAP_BPF", "--system-call-filter=bpf"]
        with self._log.open("ab") as console:
            self._nspawn = subprocess.Popen(
                [*self.before, *command, *self.options],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env=os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            )
        self._init = _child_of(self._nspawn.pid)
        end = time.monotonic() + within_s
        while self.run("systemctl is-system-running", check=False).out not in _UP:
            assert time.monotonic() < end, f"did not boot:\n{self._log.read_text()[-3000:]}"
            time.sleep(0.2)

    def power_off(self) -> None:
        """As with the power button: systemd stops everything in order."""
        if self._nspawn is None:
            return
        self._nspawn.terminate()
        try:
            self._nspawn.wait(_OFF_S)
        except subprocess.TimeoutExpired:
            self.pull_the_plug()
        self._nspawn = None

    def pull_the_plug(self) -> None:
        """No goodbye."""
        assert self._nspawn is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._init, 9)
        self._nspawn.kill()
        self._nspawn.wait()
        self._nspawn = None

    def run(
        self, script: str, *, check: bool = True, timeout_s: float = 120.0, **environ: str
    ) -> Ended:
        """A shell script as root on the machine; `check` fails the test with its words."""
        lent = lent_environment() | environ
        command = ["nsenter", "-t", str(self._init), "-m", "-u", "-i", "-n", "-p", "-r", "-w"]
        command += ["env", "-i", f"PATH={_PATH}", "HOME=/root", "LC_ALL=C.UTF-8"]
        command += [f"{name}={value}" for name, value in lent.items()]
        done = subprocess.run(
            [*command, "bash", "-c", script],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        ended = Ended(done.returncode, done.stdout.strip(), done.stderr.strip())
        assert not check or ended.status == 0, f"{script}\n{ended.out}\n{ended.err}"
        return ended

    def run_unbooted(self, script: str, *options: str) -> str:
        """What a script says as the only thing that runs on the disk; options as above."""
        lent = [f"--setenv={name}={value}" for name, value in lent_environment().items()]
        command = ["systemd-nspawn", "-q", "-D", str(self.disk.root), "--register=no", "--pipe"]
        command += ["--keep-unit", "--resolv-conf=off", "--timezone=off", *lent, *options]
        done = subprocess.run(
            [*command, "bash", "-c", script], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout


_UP = ("running", "degraded")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _child_of(pid: int) -> int:
    """The container's first process, as this machine numbers it."""
    end = time.monotonic() + _BOOT_S
    children = Path(f"/proc/{pid}/task/{pid}/children")
    while time.monotonic() < end:
        for child in children.read_text().split():
            with contextlib.suppress(OSError):
                if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return int(child)
        time.sleep(0.1)
    raise AssertionError("systemd-nspawn started no init")
