"""Promises of the model fetcher, against a real HTTP server that misbehaves on purpose."""

import hashlib
import io
import os
import pwd
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sered.errors import FetchError
from sered.words.fetch import MANIFEST, SOURCES, Source, damage, fetch

NAME = "vosk-model-test-0.1"
FILES = {
    "am/final.mdl": bytes(range(256)) * 400,
    "conf/mfcc.conf": b"--use-energy=false\n",
    "graph/HCLr.fst": b"graph" * 9_000,
}


def archive(files: dict[str, bytes] | None = None, top: str = NAME) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as packed:
        packed.writestr(f"{top}/", b"")
        for name, content in (FILES if files is None else files).items():
            packed.writestr(f"{top}/{name}" if top else name, content)
    return out.getvalue()


@dataclass
class Server:
    """What is served, how it misbehaves, and what was asked."""

    body: bytes
    cut_after: list[int] = field(default_factory=list)
    """Bytes sent before the connection drops, one entry a request; whole afterwards."""
    ranges: bool = True
    status: int = 200
    claim: int | str | None = None
    """Content-Length to lie with."""
    endless: bool = False
    """Whether it goes on sending after its end, and names no length."""
    sent: int = 0
    asked: list[str | None] = field(default_factory=list)
    url: str = ""

    def source(self, sha256: str | None = None) -> Source:
        digest = sha256 or hashlib.sha256(self.body).hexdigest()
        return Source(NAME, f"{self.url}/{NAME}.zip", digest, 1, 1, "for this test")


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            server.asked.append(wanted)
            if server.status != 200:
                self.send_error(server.status)
                return
            start = int(wanted[6:-1]) if wanted and server.ranges else 0
            if start and start >= len(server.body):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if not server.endless:
                length = str(server.claim or len(server.body) - start)
                self.send_header("Content-Length", length)
            self.end_headers()
            with suppress(ConnectionError):
                while server.endless:
                    self.wfile.write(bytes(1 << 16))
                    server.sent += 1 << 16
            end = start + server.cut_after.pop(0) if server.cut_after else None
            self.wfile.write(server.body[start:end])

        def log_message(self, *_: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    server.url = f"http://127.0.0.1:{httpd.server_port}"
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def quiet(_done: int, _total: int | None) -> None:
    pass


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != NAME)


def test_whole(tmp_path: Path) -> None:
    """A model arrives file by file as it was packed, with a manifest, and nothing else is left."""
    seen: list[tuple[int, int | None]] = []
    with serving(Server(archive())) as server:
        folder = fetch(server.source(), tmp_path, lambda done, total: seen.append((done, total)))
    for name, content in FILES.items():
        assert (folder / name).read_bytes() == content
    assert damage(folder) == []
    assert leftovers(tmp_path) == []
    assert seen[-1] == (len(server.body), len(server.body))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_already_there(tmp_path: Path) -> None:
    """A model that is whole is not fetched again; one with a changed file is."""
    with serving(Server(archive())) as server:
        folder = fetch(server.source(), tmp_path, quiet)
        fetch(server.source(), tmp_path, quiet)
        assert len(server.asked) == 1
        (folder / "am/final.mdl").write_bytes(b"bit rot")
        assert damage(folder) == ["am/final.mdl"]
        fetch(server.source(), tmp_path, quiet)
        assert len(server.asked) == 2
    assert damage(folder) == []
    assert leftovers(tmp_path) == []


def test_cut_and_resumed(tmp_path: Path) -> None:
    """A transfer that is cut twice goes on where it was, and the model is whole."""
    with serving(Server(archive(), cut_after=[40_000, 30_000])) as server:
        folder = fetch(server.source(), tmp_path, quiet)
    assert server.asked == [None, "bytes=40000-", "bytes=70000-"]
    assert damage(folder) == []


def test_cut_for_good(tmp_path: Path) -> None:
    """When nothing more comes the sentence says how far it got, and the next run goes on there."""
    with serving(Server(archive(), cut_after=[50_000, 0])) as server:
        with pytest.raises(FetchError, match=r"cut at 0\.1 of 0\.1 MB.*goes on from there"):
            fetch(server.source(), tmp_path, quiet)
        assert not (tmp_path / NAME).exists()
        fetch(server.source(), tmp_path, quiet)
    assert server.asked[-1] == "bytes=50000-"
    assert damage(tmp_path / NAME) == []


def test_server_without_ranges(tmp_path: Path) -> None:
    """A server that cannot resume is asked for the whole again, never appended to."""
    with serving(Server(archive(), cut_after=[50_000], ranges=False)) as server:
        folder = fetch(server.source(), tmp_path, quiet)
    assert damage(folder) == []


def test_whole_part_left_behind(tmp_path: Path) -> None:
    """An archive that was whole when the power failed is used without a second transfer."""
    (tmp_path / f".{NAME}.zip.part").write_bytes(archive())
    with serving(Server(archive())) as server:
        folder = fetch(server.source(), tmp_path, quiet)
    assert server.asked == [f"bytes={len(server.body)}-"]
    assert damage(folder) == []


def test_wrong_checksum(tmp_path: Path) -> None:
    """What is not the pinned archive is neither unpacked nor kept."""
    with (
        serving(Server(archive())) as server,
        pytest.raises(FetchError, match=r"SHA-256 000000000000….*thrown away"),
    ):
        fetch(server.source(sha256="0" * 64), tmp_path, quiet)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "evil",
    [f"{NAME}/../../escape", "/etc/escape", f"{NAME}\\..\\..\\escape"],
)
def test_archive_that_climbs_out(tmp_path: Path, evil: str) -> None:
    """An archive with a path that leads outside its folder is refused whole."""
    body = archive({evil: b"x", "fine/am/final.mdl": b"x"}, top="")
    with (
        serving(Server(body)) as server,
        pytest.raises(FetchError, match="which no model does"),
    ):
        fetch(server.source(), tmp_path / "models", quiet)
    assert not (tmp_path / "models" / NAME).exists()
    assert list(tmp_path.rglob("escape")) == []


def test_archive_with_a_link(tmp_path: Path) -> None:
    """A symbolic link in an archive is refused."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        link = zipfile.ZipInfo(f"{NAME}/am")
        link.external_attr = 0o120777 << 16
        packed.writestr(link, "/etc")
    with (
        serving(Server(out.getvalue())) as server,
        pytest.raises(FetchError, match="which no model does"),
    ):
        fetch(server.source(), tmp_path, quiet)
    assert not (tmp_path / NAME).exists()


def test_archive_that_swells(tmp_path: Path) -> None:
    """An archive that unpacks to many times its size is refused before it is unpacked."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(f"{NAME}/am/final.mdl", bytes(20_000_000))
    with (
        serving(Server(out.getvalue())) as server,
        pytest.raises(FetchError, match=r"unpacks to 20 MB"),
    ):
        fetch(server.source(), tmp_path, quiet)
    assert not (tmp_path / NAME).exists()


def test_not_an_archive(tmp_path: Path) -> None:
    """A pinned file that is no ZIP archive is a sentence and is not kept."""
    with (
        serving(Server(b"<html>sign in to this network</html>")) as server,
        pytest.raises(FetchError, match="wanted a ZIP archive"),
    ):
        fetch(server.source(), tmp_path, quiet)
    assert list(tmp_path.iterdir()) == []


def test_disk_full_while_writing(tmp_path: Path) -> None:
    """The kernel's 'no space left' is a sentence, and what was written is given back."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs root, and a machine that lets it mount")
    try:
        with (
            serving(Server(archive(), claim="abc")) as server,
            pytest.raises(FetchError, match="the disk is full"),
        ):
            fetch(server.source(), tmp_path, quiet)
        assert list(tmp_path.iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_disk_too_small(tmp_path: Path) -> None:
    """A disk with less room than the archive is noticed before the transfer."""
    with serving(Server(archive(), claim=10**15)) as server:
        source = replace(server.source(), size_mb=10**9)
        with pytest.raises(FetchError, match=r"1000000000 MB wanted, \d+ MB free"):
            fetch(source, tmp_path, quiet)
    assert list(tmp_path.iterdir()) == []


def test_offline(tmp_path: Path) -> None:
    """Without a network the sentence says what to do on another machine."""
    source = Source(NAME, "http://127.0.0.1:9/m.zip", "0" * 64, 1, 1, "")
    with pytest.raises(FetchError, match=r"cannot be reached .*refused.*--from /media/usb"):
        fetch(source, tmp_path, quiet)


def test_server_says_no(tmp_path: Path) -> None:
    """A refusal carries the server's number and a way out."""
    with (
        serving(Server(archive(), status=503)) as server,
        pytest.raises(FetchError, match=r"answered 503.*--from"),
    ):
        fetch(server.source(), tmp_path, quiet)


def test_from_a_usb_stick(tmp_path: Path) -> None:
    """`--from FOLDER` takes the archive by its own name, checked like any other."""
    stick = tmp_path / "usb stick"
    stick.mkdir()
    (stick / f"{NAME}.zip").write_bytes(archive())
    digest = hashlib.sha256(archive()).hexdigest()
    source = Source(NAME, f"https://example.org/{NAME}.zip", digest, 1, 1, "")
    folder = fetch(source, tmp_path / "models", quiet, mirror=str(stick))
    assert damage(folder) == []
    with pytest.raises(FetchError, match="no such archive"):
        fetch(source, tmp_path / "elsewhere", quiet, mirror=str(tmp_path / "nothing"))


def test_from_a_mirror(tmp_path: Path) -> None:
    """`--from ADDRESS` asks that server for the archive by its own name."""
    with serving(Server(archive())) as server:
        digest = hashlib.sha256(server.body).hexdigest()
        source = Source(NAME, f"https://example.org/{NAME}.zip", digest, 1, 1, "")
        folder = fetch(source, tmp_path, quiet, mirror=server.url + "/")
    assert damage(folder) == []


def test_endless_server(tmp_path: Path) -> None:
    """A server that never stops is left at a little over the model's size; nothing is kept."""
    with (
        serving(Server(archive(), endless=True)) as server,
        pytest.raises(FetchError, match="so it is not that model"),
    ):
        fetch(server.source(), tmp_path, quiet)
    assert list(tmp_path.iterdir()) == []
    assert server.sent < 20_000_000


def test_server_that_announces_too_much(tmp_path: Path) -> None:
    """An archive that would be many times the model's size is not even begun."""
    with (
        serving(Server(archive(), claim=900_000_000)) as server,
        pytest.raises(FetchError, match="so it is not that model"),
    ):
        fetch(server.source(), tmp_path, quiet)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("claim", ["abc", "-5", "1e9", "\xb2"])
def test_length_that_is_no_number(tmp_path: Path, claim: str) -> None:
    """A server that names no sensible length is believed by the checksum alone."""
    with serving(Server(archive(), claim=claim)) as server:
        folder = fetch(server.source(), tmp_path, quiet)
    assert damage(folder) == []


def brought() -> Source:
    digest = hashlib.sha256(archive()).hexdigest()
    return Source(NAME, f"https://example.org/{NAME}.zip", digest, 1, 1, "")


def test_pipe_in_place_of_an_archive(tmp_path: Path) -> None:
    """A pipe, on the stick or where the archive is to go, is nothing to wait for."""
    os.mkfifo(tmp_path / f"{NAME}.zip")
    with pytest.raises(FetchError, match="no file"):
        fetch(brought(), tmp_path / "models", quiet, mirror=str(tmp_path))
    (tmp_path / "stick").mkdir()
    (tmp_path / "stick" / f"{NAME}.zip").write_bytes(archive())
    (tmp_path / "models").mkdir()
    os.mkfifo(tmp_path / "models" / f".{NAME}.zip.part")
    folder = fetch(brought(), tmp_path / "models", quiet, mirror=str(tmp_path / "stick"))
    assert damage(folder) == []
    (folder / MANIFEST).unlink()
    os.mkfifo(folder / MANIFEST)
    assert damage(folder) == [MANIFEST]


def test_damaged_file_on_a_stick(tmp_path: Path) -> None:
    """What is damaged on a stick is blamed on the file there, which is left alone."""
    stick = tmp_path / f"{NAME}.zip"
    stick.write_bytes(archive()[:-9] + b"bit rot..")
    with pytest.raises(FetchError, match=r"The file is damaged.*download https://example.org"):
        fetch(brought(), tmp_path / "models", quiet, mirror=str(tmp_path))
    assert stick.exists()
    assert list((tmp_path / "models").iterdir()) == []


@pytest.mark.parametrize("laid", ["part", "folder", "way"])
def test_link_that_the_service_laid(tmp_path: Path, laid: str) -> None:
    """Root writes through no link in a folder of another user's: its files stay as they are."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    nobody = pwd.getpwnam("nobody")
    # the folder of all tests of this user, too, which lies one higher where they run side by side
    for place in (tmp_path, *tmp_path.parents):
        if place.stat().st_uid == 0 and place.name.startswith(("pytest-", "popen-", "test_")):
            place.chmod(0o755)
    (tmp_path / f"{NAME}.zip").write_bytes(archive())
    ours = tmp_path / "ours"
    ours.mkdir()
    precious = ours / "shadow"
    precious.write_text("root's alone")
    precious.chmod(0o600)
    home = tmp_path / "home"
    models = home / "models"
    models.mkdir(parents=True)
    if laid == "part":
        (models / f".{NAME}.zip.part").symlink_to(precious)
    elif laid == "folder":
        (models / f".{NAME}.new").symlink_to(ours)
    else:
        models.rmdir()
        models.symlink_to(ours)
    for place in (home, models):
        os.chown(place, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
    with suppress(FetchError):
        fetch(brought(), models, quiet, mirror=str(tmp_path))
    assert os.geteuid() == 0
    assert precious.read_text() == "root's alone"
    assert sorted(ours.iterdir()) == [precious]
    if laid == "part":
        assert (models / NAME).stat().st_uid == nobody.pw_uid


def test_folder_not_ours_to_write(tmp_path: Path) -> None:
    """A place that cannot be written is a sentence with a way out."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FetchError, match=r"cannot be written.*--into"):
        fetch(SOURCES[0], tmp_path / "file" / "models", quiet)


def test_manifest_gone(tmp_path: Path) -> None:
    """A folder without a manifest counts as damaged, so that it is fetched again."""
    assert damage(tmp_path) == [MANIFEST]


def test_table() -> None:
    """Every pinned source is https, ends in its own name, and has a whole SHA-256."""
    for source in SOURCES:
        assert source.url.startswith("https://alphacephei.com/vosk/models/")
        assert source.url.endswith(f"/{source.name}.zip")
        assert len(bytes.fromhex(source.sha256)) == 32
