"""The archive for support: what is in it, and above all what is not."""

from __future__ import annotations

import stat
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from sered.diagnose import bundle
from sered.diagnose.secrets_out import scrub

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow


PASSWORD = "Tr0ub4dor&3"
KEY = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\nAgEBBG0wawIBAQ\n-----END PRIVATE KEY-----"

BEFORE = f"""\
broker.password The broker refuses {PASSWORD}, says box1
password = "hunter2"
[mqtt] password_file = "/etc/sered/mqtt-password"
"password": "hunter2", "username": "box1"
SERED_MQTT_PASSWORD=hunter2 sered watch --password hunter2 --json
psk='correct horse' ssid='office'
mqtts://box1:hunter2@broker.example:8883
api_key: 8d969eef6ecad3c2, next
{KEY}
spool.dropped messages=3 token bucket is a word
"""
AFTER = """\
broker.password The broker refuses **********, says box1
password = **********
[mqtt] password_file = "/etc/sered/mqtt-password"
"password": **********, "username": "box1"
SERED_MQTT_PASSWORD=********** sered watch --password ********** --json
psk=********** ssid='office'
mqtts://box1:**********@broker.example:8883
api_key: **********, next
**********
spool.dropped messages=3 token bucket is a word
"""


def test_secrets_become_stars_and_all_else_stays() -> None:
    """Passwords, keys and tokens are taken out of a text, and nothing but them."""
    assert scrub(BEFORE, [PASSWORD]) == AFTER


def test_a_key_that_is_cut_off_is_taken_out_to_the_end() -> None:
    """A private key without its end is taken out to the end of the text."""
    assert scrub(f"log\n{KEY[:60]}") == "log\n**********"


def test_scrubbing_twice_changes_nothing_more() -> None:
    """A text that was scrubbed comes back as it is."""
    assert scrub(AFTER, [PASSWORD]) == AFTER


def _text(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    file = archive.extractfile(member)
    assert file
    return file.read().decode()


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `journalctl` and a `dmesg` that tell every secret there is."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("journalctl", "dmesg"):
        (folder / name).write_text(f"#!/bin/sh\ncat <<'END'\n{BEFORE}END\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


MEMBERS = [
    *("README.txt", "report.txt", "report.json", "configuration.toml"),
    *("os-release.txt", "model.txt", "cards.txt", "load.txt", "uptime.txt"),
    *("journal.txt", "unit.txt", "kernel.txt", "usb.txt", "disks.txt", "mounts.txt", "memory.txt"),
    *("network.txt", "clock.txt", "users.txt", "throttled.txt", "machine.txt", "libraries.txt"),
]


@pytest.mark.usefixtures("tools")
def test_the_archive_holds_what_support_needs_and_no_secret_sound_or_word(
    sered: Callable[..., Any], tmp_path: Path
) -> None:
    """The archive of a box with secrets holds report, configuration and logs, and no secret."""
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o600)
    key = tmp_path / "box.key"
    key.write_text(KEY)
    path = tmp_path / "sered.toml"
    path.write_text(
        f'site = "oslo"\n[mqtt]\nhost = "127.0.0.1"\nport = 9\nusername = "box1"\n'
        f'password_file = "{secret}"\n[spool]\npath = "{tmp_path}/spool.db"\n'
    )
    (tmp_path / "spool.db").write_bytes(b"the customer said these words")
    out = tmp_path / "out.tar.gz"
    only = ("--only", "configuration", "--only", "broker")
    ended = sered("diagnose", "--config", path, "--bundle", out, *only)
    assert ended.status == 1, "the broker is not there"
    assert "No secrets" in ended.err
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    with tarfile.open(out) as archive:
        texts = {
            member.name.removeprefix("sered-diagnose/"): _text(archive, member)
            for member in archive.getmembers()
        }
    assert list(texts) == MEMBERS
    everything = "\n".join(texts.values())
    for leaked in (PASSWORD, "hunter2", "correct horse", "MIGHAgEAMBMGByqGSM49", "8d969eef"):
        assert leaked not in everything
    for told in ("the customer said", "RIFF"):
        assert told not in everything
    assert 'username = "box1"' in texts["configuration.toml"]
    assert texts["journal.txt"].partition("\n")[2] == AFTER
    assert "Nothing listens at 127.0.0.1:9" in " ".join(texts["report.txt"].split())


def test_a_configuration_that_cannot_be_read_is_in_it_without_its_secrets(
    configured: Callable[..., Any],
) -> None:
    """A faulty configuration is bundled, too, its password taken out."""
    context = configured('sitte = "x"\n[mqtt]\npassword = "hunter2"\n')
    text = bundle.collect(context, {})["configuration.toml"]
    assert "sitte" in text
    assert "hunter2" not in text


@pytest.mark.usefixtures("tools")
def test_an_archive_that_cannot_be_written_is_one_sentence(
    sered: Callable[..., Any], tmp_path: Path
) -> None:
    """A folder that is not there ends with status 1 and a sentence."""
    ended = sered("diagnose", "--only", "configuration", "--bundle", tmp_path / "no" / "x.tar.gz")
    assert ended.status == 1
    assert "cannot be written" in ended.err
    assert "Traceback" not in ended.err
