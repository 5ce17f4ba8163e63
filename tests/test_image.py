"""What is handed out besides the wheel, as far as it goes without root."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from image import bom, needed, oci_layout

from project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

METADATA = "Metadata-Version: 2.4\nName: Some_Lib\nVersion: 1.2\n"
STATUS = """\
Package: gone
Status: deinstall ok config-files
Version: 1

Package: libatomic1
Status: install ok installed
Installed-Size: 40
Architecture: arm64
Version: 14.2.0-19

"""


def _licence(text: str) -> Any:
    (component,) = bom.of_metadata(text)["licenses"]
    return component


@pytest.mark.parametrize(
    ("said", "licence"),
    [
        ("License-Expression: MIT OR Apache-2.0", {"expression": "MIT OR Apache-2.0"}),
        ("License-Expression: MIT", {"license": {"name": "MIT"}}),
        (
            "Classifier: License :: OSI Approved :: BSD License",
            {"license": {"name": "BSD License"}},
        ),
        ("License: the text\n of it", {"license": {"name": "the text"}}),
        ("", {"license": {"name": bom.UNKNOWN}}),
    ],
)
def test_a_licence_is_what_the_publisher_says(said: str, licence: Any) -> None:
    """Expression before classifier before free text; nothing said is called so."""
    assert _licence(f"{METADATA}{said}\n") == licence


def test_the_bill_of_a_machine_names_packages_libraries_and_networks(tmp_path: Path) -> None:
    """With version, licence and bytes; what is not installed any more is not in it."""
    root = tmp_path / "root"
    info = root / "opt/sered/1-ab/lib/python3.13/site-packages/some_lib-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"{METADATA}License-Expression: MIT\n")
    (info / "RECORD").write_text("a.py,sha256=x,100\nb.py,sha256=y,23\nRECORD,,\n")
    (root / "var/lib/dpkg").mkdir(parents=True)
    (root / "var/lib/dpkg/status").write_text(STATUS)
    paper = root / "usr/share/doc/libatomic1/copyright"
    paper.parent.mkdir(parents=True)
    paper.write_text("Format: x\n\nFiles: *\nLicense: GPL-3+\n text\n\nFiles: a\nLicense: BSD\n")
    models = tmp_path / "models"
    models.mkdir()
    (models / "emotion.tflite").write_bytes(b"1234")
    script = [sys.executable, f"{ROOT}/image/bom.py", "box", "1.0", "--root", f"{root}"]
    done = subprocess.run([*script, "--models", f"{models}"], capture_output=True, check=True)
    bill = json.loads(done.stdout)
    found = {
        each["name"]: (each["licenses"][0]["license"]["name"], each["properties"][0]["value"])
        for each in bill["components"]
    }
    assert found == {
        "Some_Lib": ("MIT", "123"),
        "libatomic1": ("BSD, GPL-3+", "40960"),
        "emotion.tflite": ("see models/MODEL_CARD.md", "4"),
    }
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")


def test_the_bill_of_wheels_has_their_checksums(tmp_path: Path) -> None:
    """A library that carries another one inside is still one component."""
    wheel = tmp_path / "some_lib-1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("some_lib-1.2.dist-info/METADATA", METADATA)
        archive.writestr("some_lib/_vendor/other-1.dist-info/METADATA", METADATA)
    (component,) = bom.of_wheels(tmp_path)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert component["hashes"] == [{"alg": "SHA-256", "content": digest}]
    assert component["purl"] == "pkg:pypi/some-lib@1.2"


def test_an_empty_bill_is_refused(tmp_path: Path) -> None:
    """Nothing found is a fault of the call, not a box without libraries."""
    script = [sys.executable, f"{ROOT}/image/bom.py", "box", "1.0", "--wheels", f"{tmp_path}"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "a bill without items is none" in done.stderr


def test_an_oci_archive_is_whole(tmp_path: Path) -> None:
    """Every blob is named by its own checksum, and the layer unpacks to what went in."""
    root = tmp_path / "root.tar"
    with tarfile.open(root, "w") as archive:
        info = tarfile.TarInfo("etc/hello")
        info.size = 5
        archive.addfile(info, io.BytesIO(b"hello"))
    what = ("arm64", "1.0", datetime(2026, 11, 28, 22, 5, tzinfo=UTC))
    for out in ("one.tar", "two.tar"):
        oci_layout.write(root, what, tmp_path / out, tmp_path / "scratch")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    with tarfile.open(tmp_path / "one.tar") as archive:
        files = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        contents = {name: file.read() for name, file in files.items() if file}
    for name, content in contents.items():
        if name.startswith("blobs/"):
            assert name == f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"
    (named,) = json.loads(contents["index.json"])["manifests"]
    manifest = json.loads(contents[_blob(named)])
    configuration = json.loads(contents[_blob(manifest["config"])])
    assert configuration["config"]["User"] == "sered"
    assert configuration["architecture"] == "arm64"
    assert configuration["created"] == "2026-11-28T22:05:00Z"
    (layer,) = manifest["layers"]
    with tarfile.open(fileobj=io.BytesIO(contents[_blob(layer)]), mode="r:gz") as unpacked:
        assert unpacked.getnames() == ["etc/hello"]
    plain = hashlib.sha256(root.read_bytes()).hexdigest()
    assert configuration["rootfs"]["diff_ids"] == [f"sha256:{plain}"]


def _blob(named: dict[str, str]) -> str:
    return f"blobs/{named['digest'].replace(':', '/')}"


def test_what_purging_takes_is_what_uninstalling_takes() -> None:
    """The package's last script names the folders that `uninstall --purge` would remove."""
    postrm = (ROOT / "systemd/debian/postrm").read_text()
    for folder in ("/etc/sered", "/var/lib/sered", "/etc/systemd/system/sered.service.d"):
        assert f" {folder}" in postrm


def test_every_package_of_the_card_has_a_reason() -> None:
    """The list of what the card's Debian has says why, and names nothing twice."""
    lines = (ROOT / "image/packages.txt").read_text().splitlines()
    rows = [line.split(maxsplit=1) for line in lines if not line.startswith("#")]
    assert all(len(row) == 2 for row in rows)
    assert len({name for name, _ in rows}) == len(rows) > 10


def test_a_box_s_package_has_what_a_box_asks_for_and_no_more(tmp_path: Path) -> None:
    """What its libraries ask for comes along, with markers of the box; central's stay away."""
    asks = [
        "NumPy>=1",
        "old; python_version < '3.12'",
        "lgpio; extra == 'gpio'",
        "web; extra == 'c'",
    ]
    own = _wheel(tmp_path / "own", "sered-1-py3-none-any.whl", asks)
    for name, of in (
        ("numpy", ["Deep_er[more]; platform_machine == 'aarch64'"]),
        ("deep_er", ["last; extra == 'more'"]),
        ("lgpio", []),
        ("last", ["numpy"]),
        ("web", []),
        ("old", []),
    ):
        _wheel(tmp_path, f"{name}-1-py3-none-any.whl", of)
    for python, machine, names in (
        ("3.13", "aarch64", ["deep_er", "last", "lgpio", "numpy"]),
        ("3.11", "x86_64", ["lgpio", "numpy", "old"]),
    ):
        found = needed.needed(own, tmp_path, python, machine)
        assert [path.name.split("-")[0] for path in found] == names
    (tmp_path / "last-1-py3-none-any.whl").unlink()
    with pytest.raises(SystemExit, match="has no wheel of it"):
        needed.needed(own, tmp_path, "3.13", "aarch64")


def _wheel(folder: Path, name: str, asks: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    lines = "".join(f"Requires-Dist: {each}\n" for each in asks)
    with zipfile.ZipFile(folder / name, "w") as made:
        made.writestr("it-1.dist-info/METADATA", f"Metadata-Version: 2.1\n{lines}")
    return folder / name
