"""The Debian package on booted machines: its whole life, and the repository it comes from."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from project import ROOT
from system import debs
from system.desk import CHECKOUT, Desk, eventually
from system.machine import Machine, disk_like, seed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.deb, pytest.mark.timeout(3000)]
_DEPENDS = "python3 python3-venv libatomic1 libportaudio2 unattended-upgrades"
_CONFFILE = "/etc/apt/apt.conf.d/52sered"
# what dpkg, apt and systemd keep for themselves
_OTHERS = (
    "/var/lib/dpkg /var/lib/apt /var/lib/systemd /var/lib/desk-broker /var/cache /var/log"
    " /var/tmp /tmp /run /proc /sys /dev /media /root /etc/passwd- /etc/group- /etc/shadow-"
    " /etc/gshadow- /etc/.pwd.lock /etc/ld.so.cache /etc/machine-id /etc/udev/hwdb.bin"
)


@pytest.fixture(scope="module")
def packages(workshop: Path) -> dict[str, Path]:
    """As it is packed, a newer one, one that dies as it listens (0.9.2), and its mending."""
    folder = workshop / "packages"
    first = debs.checkout(folder / "first", "0.9.0")
    subprocess.run([first / "systemd/deb", "amd64"], check=True)
    (package,) = (first / "dist").glob("*.deb")
    made = {"0.9.0": package}
    for version in ("0.9.1", "0.9.3", "0.9.2"):
        debs.number(first, version)
        if version == "0.9.2":
            debs.break_it(first)
        made[version] = debs.like(package, first, version, package.parent)
    return made


@pytest.fixture(params=["bookworm", "trixie"])
def offline(
    request: pytest.FixtureRequest, workshop: Path, packages: dict[str, Path]
) -> Iterator[Desk]:
    """A booted box without a network that has what the package wants of Debian."""
    suite = str(request.param)
    with disk_like([seed(suite)], workshop / f"deb-{suite}") as disk:
        binds = [f"--bind-ro={path}:/media/{path.name}" for path in packages.values()]
        machine = Machine(disk, ("--private-network", *binds))
        desk = Desk(machine)
        desk.furnish()
        disk.write("/etc/systemd/system/desk-noise.service.d/none.conf", "")
        apt = "export DEBIAN_FRONTEND=noninteractive; apt-get update -qq; apt-get install -qqy"
        machine.run_unbooted(f"{apt} --no-install-recommends {_DEPENDS}")
        shutil.rmtree(disk.root / "etc/sered")
        shutil.rmtree(disk.root / CHECKOUT[1:])
        machine.boot()
        try:
            yield desk
        finally:
            machine.power_off()


def _apt(desk: Desk, version: str, *, check: bool = True) -> tuple[int, str]:
    script = f"DEBIAN_FRONTEND=noninteractive apt-get install -y /media/sered_{version}_amd64.deb"
    ended = desk.run(f"{script} 2>&1", check=check, timeout_s=900)
    return ended.status, ended.out


def _files(desk: Desk) -> set[str]:
    """Every path but those that dpkg, apt and systemd keep for themselves."""
    leave = " ".join(f"-path {path} -prune -o" for path in _OTHERS.split())
    found = desk.run(f"find / -xdev {leave} -print").out.splitlines()
    return {path for path in found if "__pycache__" not in path}


def _current(desk: Desk) -> str:
    return desk.run("basename $(readlink /opt/sered/current)").out


def test_a_package_s_whole_life(offline: Desk) -> None:
    """Without a network: installed, upgraded with what the site wrote kept, rolled back, purged."""
    before = _files(offline)
    said = _apt(offline, "0.9.0")[1]
    assert "Wrote /etc/sered/sered.toml" in said
    eventually(lambda: offline.show("ActiveState") == "active", 60, "the service")
    assert offline.run("sered --version").out == "sered 0.9.0"
    offline.run("sed -i '1i device = \"desk-7\"' /etc/sered/sered.toml; systemctl restart sered")
    offline.run(f"echo '// mine' >>{_CONFFILE}; echo spooled >/var/lib/sered/mark")
    said = _apt(offline, "0.9.1")[1]
    assert "0.9.1-" in said
    assert "is well" in said
    assert 'device = "desk-7"' in offline.run("sered config show").out
    assert offline.run(f"tail -n 1 {_CONFFILE}; cat /var/lib/sered/mark").out == "// mine\nspooled"
    good = _current(offline)
    status, said = _apt(offline, "0.9.2", check=False)
    print(said[-1500:])
    assert status != 0
    assert f"Back to {good}" in said
    assert _current(offline) == good
    eventually(lambda: offline.show("ActiveState") == "active", 30, "the version before")
    script = "DEBIAN_FRONTEND=noninteractive apt-get install -y --allow-downgrades"
    offline.run(f"{script} /media/sered_0.9.1_amd64.deb", timeout_s=600)
    offline.run("DEBIAN_FRONTEND=noninteractive apt-get remove -y sered", timeout_s=120)
    assert offline.run("ls /etc/sered/sered.toml /var/lib/sered/mark; id sered", check=False).out
    assert offline.run("test -e /opt/sered", check=False).status != 0
    offline.run("DEBIAN_FRONTEND=noninteractive apt-get purge -y sered", timeout_s=120)
    assert _files(offline) - before == set()
    assert before - _files(offline) == set()


def test_a_box_that_was_installed_from_git_goes_on_with_the_package(
    desk: Desk, packages: dict[str, Path]
) -> None:
    """Configuration, spool and version before stay; the package's version runs, watched."""
    eventually(lambda: desk.healthy, 60, "a healthy service")
    old, spool = _current(desk), desk.run("stat -c %i /var/lib/sered/spool.db").out
    settings = desk.run("sha256sum /etc/sered/sered.toml").out
    shutil.copy(packages["0.9.1"], desk.machine.disk.root / "root")
    desk.run("apt-get install -y /root/sered_0.9.1_amd64.deb", timeout_s=900)
    assert desk.run("sered --version").out == "sered 0.9.1"
    assert desk.healthy
    assert old in desk.run("ls /opt/sered").out.split()
    assert desk.run("sha256sum /etc/sered/sered.toml").out == settings
    assert desk.run("stat -c %i /var/lib/sered/spool.db").out == spool


@pytest.mark.parametrize("offline", ["trixie"], indirect=True)
def test_a_ring_keeps_its_boxes_up_to_date(
    offline: Desk, packages: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over HTTP and unattended: what the ring's key signed comes, what dies goes back, and on."""
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(keys))
    for name in ("rings", "stranger"):
        make = ["gpg", "--batch", "--passphrase", "", "--quick-generate-key"]
        subprocess.run([*make, f"{name}@example.com", "ed25519", "sign", "1y"], check=True)
    repository = offline.machine.disk.root / "srv/rings"

    def put(ring: str, version: str, key: str = "rings") -> None:
        monkeypatch.setenv("SERED_KEY", f"{key}@example.com")
        script = ROOT / "systemd/apt-repository"
        subprocess.run([script, repository, ring, packages[version]], check=True)

    put("ring-1", "0.9.0")
    put("ring-2", "0.9.1")
    _subscribe(offline, "ring-1")
    install = "DEBIAN_FRONTEND=noninteractive apt-get install -y sered"
    offline.run(f"apt-get update -qq && {install}", timeout_s=900)
    eventually(lambda: offline.show("ActiveState") == "active", 60, "the service")
    _nightly(offline)
    assert offline.run("sered --version").out == "sered 0.9.0"
    put("ring-1", "0.9.1", "stranger")
    _nightly(offline)
    assert offline.run("sered --version").out == "sered 0.9.0"
    put("ring-1", "0.9.1")
    assert "is well" in _nightly(offline)
    assert offline.run("sered --version").out == "sered 0.9.1"
    put("ring-1", "0.9.2")
    assert "Back to 0.9.1-" in _nightly(offline)
    assert offline.run("sered --version").out == "sered 0.9.1"
    eventually(lambda: offline.show("ActiveState") == "active", 30, "the version before")
    put("ring-1", "0.9.3")
    _nightly(offline)
    assert offline.run("sered --version").out == "sered 0.9.3"
    subprocess.run(["gpgconf", "--kill", "all"], check=True)


def _subscribe(desk: Desk, ring: str) -> None:
    """As docs/fleet.md has it, from a web server on the box itself; Debian's are out of reach."""
    script = (
        "rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*;"
        "cp /srv/rings/sered.gpg /usr/share/keyrings/;"
        "systemd-run -q python3 -m http.server -b 127.0.0.1 -d /srv/rings 8088"
    )
    desk.run(script)
    desk.machine.disk.write(
        "/etc/apt/sources.list.d/sered.sources",
        f"Types: deb\nURIs: http://127.0.0.1:8088\nSuites: {ring}\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/sered.gpg\n",
    )
    serves = "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 8088))'"
    eventually(lambda: desk.run(serves, check=False).status == 0, 30, "the web server")


def _nightly(desk: Desk) -> str:
    """What apt-daily and apt-daily-upgrade do, and what dpkg said at that."""
    log = "/var/log/unattended-upgrades/unattended-upgrades-dpkg.log"
    script = f"apt-get update; rm -f {log}; unattended-upgrade -v; cat {log}"
    said = desk.run(f"({script}) 2>&1", check=False, timeout_s=900).out
    print(said)
    return said


def test_debian_s_examiner_finds_no_error(packages: dict[str, Path]) -> None:
    """lintian has no error to tell of, and the bill of materials names every library."""
    package = packages["0.9.0"]
    done = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error", package],
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout
    bill = json.loads(package.with_suffix(".cdx.json").read_text(encoding="utf-8"))
    names = {each["name"] for each in bill["components"]}
    assert {"vosk", "numpy", "tflite-runtime", "PyAudio", "emotion.tflite"} <= names
    assert all(each["licenses"] for each in bill["components"])
    print(f"{package.name}: {package.stat().st_size / 1e6:.0f} MB, {len(names)} components")
