"""The Debian package on booted machines: its whole life, and the repository it comes from."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from project import ROOT
from system.desk import CHECKOUT, NOT_IN_A_CHECKOUT, Desk, eventually
from system.machine import Machine, disk_like, seed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.deb, pytest.mark.timeout(3000)]
_DEPENDS = "python3 python3-venv libatomic1 libportaudio2"
_CONFFILE = "/etc/apt/apt.conf.d/52sered"
# what dpkg, apt and systemd keep for themselves
_OTHERS = (
    "/var/lib/dpkg /var/lib/apt /var/lib/systemd /var/lib/desk-broker /var/cache /var/log"
    " /var/tmp /tmp /run /proc /sys /dev /media /root /etc/passwd- /etc/group- /etc/shadow-"
    " /etc/gshadow- /etc/.pwd.lock /etc/ld.so.cache /etc/machine-id /etc/udev/hwdb.bin"
)


@pytest.fixture(scope="module")
def packages(workshop: Path) -> dict[str, Path]:
    """As it is packed, a newer one, and a newer one that dies as it listens."""
    folder = workshop / "packages"
    first = folder / "first"
    shutil.copytree(ROOT, first, ignore=shutil.ignore_patterns(*NOT_IN_A_CHECKOUT))
    _number(first, "0.9.0")
    subprocess.run([first / "systemd/deb", "amd64"], check=True)
    (package,) = (first / "dist").glob("*.deb")
    made = {"0.9.0": package}
    for version in ("0.9.1", "0.9.2"):
        _number(first, version)
        if version == "0.9.2":
            service = first / "device/sered/box/service.py"
            # after what its dry run tries
            _edit(service, "        self._start()\n", "        raise SystemExit(3)\n")
        made[version] = _like(package, first, version)
    return made


def _number(checkout: Path, version: str) -> None:
    for name, before in (("pyproject.toml", ""), ("device/sered/__init__.py", "__")):
        path = checkout / name
        text = path.read_text(encoding="utf-8")
        wanted = f'{before}version{before} = "{version}"'
        path.write_text(
            re.sub(f'^{before}version{before} = ".*"', wanted, text, count=1, flags=re.MULTILINE),
            encoding="utf-8",
        )


def _like(package: Path, checkout: Path, version: str) -> Path:
    """The same package with another sered in it; packing the libraries again takes minutes."""
    tree = package.parent / version
    subprocess.run(["dpkg-deb", "-R", package, tree], check=True)
    inside = tree / "usr/lib/sered"
    for wheel in inside.glob("wheels/sered-*.whl"):
        wheel.unlink()
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir"]
    subprocess.run([*build, inside / "wheels", checkout], check=True, capture_output=True)
    (inside / "ID").write_text(f"{version}-{version.replace('.', '')}\n", encoding="utf-8")
    _edit(tree / "DEBIAN/control", "Version: 0.9.0", f"Version: {version}")
    (tree / "DEBIAN/md5sums").unlink()
    made = package.parent / f"sered_{version}_amd64.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, made],
        check=True,
        capture_output=True,
    )
    shutil.rmtree(tree)
    return made


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


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


def test_a_ring_hands_out_what_was_put_into_it(
    desk: Desk, packages: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed by the site's key, read by apt on a box; another key, or none, is refused."""
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(keys))
    make = ["gpg", "--batch", "--passphrase", "", "--quick-generate-key"]
    subprocess.run([*make, "rings@example.com", "ed25519", "sign", "1y"], check=True)
    monkeypatch.setenv("SERED_KEY", "rings@example.com")
    repository = desk.machine.disk.root / "srv/rings"
    put = [ROOT / "systemd/apt-repository", repository]
    subprocess.run([*put, "ring-1", packages["0.9.0"], packages["0.9.1"]], check=True)
    subprocess.run([*put, "ring-2", packages["0.9.0"]], check=True)
    subprocess.run(["gpgconf", "--kill", "all"], check=True)
    for ring, newest in (("ring-1", "0.9.1"), ("ring-2", "0.9.0")):
        _subscribe(desk, ring)
        desk.run("apt-get update -qq -o Dir::Etc::SourceParts=/etc/rings -o Dir::Etc::SourceList=-")
        assert f"Candidate: {newest}" in _policy(desk)
        origin = desk.run(f"cat /var/lib/apt/lists/*{ring}_InRelease").out
        assert "Origin: sered" in origin
    (repository / "sered.gpg").write_bytes(b"")
    _subscribe(desk, "ring-1")
    options = "-o Dir::Etc::SourceParts=/etc/rings -o Dir::Etc::SourceList=-"
    ended = desk.run(f"apt-get update {options} 2>&1", check=False)
    assert "not signed" in ended.out or "NO_PUBKEY" in ended.out


def _subscribe(desk: Desk, ring: str) -> None:
    desk.machine.disk.write(
        "/etc/rings/sered.sources",
        f"Types: deb\nURIs: file:/srv/rings\nSuites: {ring}\nComponents: main\n"
        "Signed-By: /srv/rings/sered.gpg\n",
    )


def _policy(desk: Desk) -> str:
    options = "-o Dir::Etc::SourceParts=/etc/rings -o Dir::Etc::SourceList=-"
    # what is installed here would be the candidate otherwise
    return desk.run(f"apt-cache policy {options} -o Dir::State::Status=/dev/null sered").out


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
