"""What reads well and does not do what is asked is said by `config check`, and stops no service."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from sered import config
from sered.config.senseless import senseless
from sered.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from project import Ended


@pytest.mark.parametrize(
    ("text", "name", "wanted"),
    [
        ('[mqtt]\nversion = "3.1.1"\nawait_subscriber = true\n', "await_subscriber", "only MQTT 5"),
        ("[mqtt]\nhome_assistant = true\nretain = false\n", "home_assistant", "retained messages"),
        ("[mqtt]\ntls = true\n", "tls", "write port = 8883"),
        ('[mqtt]\npassword = "x"\n', "password", "wanted a username beside the password"),
        ('[mqtt]\nusername = "u"\npassword = ""\n', "password", "found an empty one"),
        ('mode = "audio"\n[privacy]\ntranscript = true\n', "transcript", 'mode = "audio"'),
        ('mode = "audio"\n[verdict]\nextra_lexicon = "x.tsv"\n', "extra_lexicon", "needs words"),
        ('[spool]\npath = "/tmp/spool.db"\n', "path", "would be lost"),
        ('[spool]\npath = "/dev/shm/sered/spool.db"\n', "path", "would be lost"),
        ('[spool]\npath = "file:///var/spool.db"\n', "path", "wanted the path of a file"),
        ("[spool]\npath = 'C:\\sered\\spool.db'\n", "path", "wanted the path of a file"),
        (
            "[verdict]\nescalate_below = -0.8\nprovisional_below = -0.3\n",
            "provisional_below",
            "withdrawn at their end",
        ),
        ("[calls]\nhang_over_s = 90\nmax_call_s = 60\n", "hang_over_s", "never end a call"),
        (
            "[calls]\nmax_call_s = 60\n[verdict]\nmin_speech_s = 60\nprovisional_speech_s = 1\n",
            "min_speech_s",
            "no call would have a verdict",
        ),
        (
            '[[verdict.cause]]\nname = "x"\nphrases = ["a"]\n'
            '[[verdict.cause]]\nname = "x"\nphrases = ["b"]\n',
            "name",
            "stands twice",
        ),
        ("[calls]\nhold_limit_s = 7200\nmax_call_s = 3600\n", "hold_limit_s", "held or not"),
        ("[calls]\nhang_over_s = 60\nhold_limit_s = 30\n", "hang_over_s", "longer than hold music"),
        ("[mqtt]\ntls = true\nport = 8883\ninsecure = true\n", "insecure", "does nothing"),
        ('[mqtt]\nversion = "3.1.1"\nexpiry_s = 600\n', "expiry_s", "only MQTT 5"),
        ('[privacy]\nredact = false\nredact_words = ["x"]\n', "redact_words", "leave the box"),
        ('[verdict]\ncalibration = "ab12"\n', "calibration", "found no odds"),
        ('[models]\nwhisper = "w"\n', "whisper", 'recogniser = "whisper" only'),
        ('[[line]]\nhook_active = "high"\n', "hook_active", "found no hook_gpio"),
        ("page_port = 1883\n", "page_port", "the broker's on this machine"),
        ('[privacy]\nredact_words = [""]\n', 0, "wanted a word; found nothing"),
        (
            '[[line]]\nname = "a"\ncard = "usb:0d8c:0014"\n'
            '[[line]]\nname = "b"\ncard = "usb:0D8C:0014:X1"\n',
            "card",
            "either of two cards of one model",
        ),
    ],
)
def test_what_cannot_come_about_is_named(
    tmp_path: Path, text: str, name: str | int, wanted: str
) -> None:
    """A combination that runs and does nothing is one fault of the setting that asks for it."""
    path = tmp_path / "sered.toml"
    path.write_text(text)
    (fault,) = senseless(config.load(path, environ={}))
    assert fault.loc[-1] == name
    assert wanted in fault.sentence


def test_nothing_is_senseless_of_what_comes_with_sered(tmp_path: Path) -> None:
    """The defaults, and a usual site with TLS and a login, are not complained of."""
    path = tmp_path / "sered.toml"
    (tmp_path / "pw").write_text("secret")
    path.write_text(
        '[mqtt]\nhost = "b.example"\nport = 8883\ntls = true\nusername = "box"\n'
        'password_file = "pw"\nhome_assistant = true\n[spool]\npath = "/data/spool.db"\n'
    )
    assert senseless(config.load(path, environ={})) == []
    path.write_text("")
    assert senseless(config.load(path, environ={})) == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('[mqtt]\nclient_id = "a\\u0000b"\n', ":2: mqtt.client_id: .*control character"),
        ('[mqtt]\ntls = true\nport = 8883\nca = ""\n', ":4: mqtt.ca: wanted a path; found nothing"),
        ('[mqtt]\ntls = true\nca = "-----BEGIN X-----"\n', "mqtt.ca: wanted the path of a file"),
        ('[[line]]\nsides = "customer=left,customer=right"\n', "found customer twice"),
        ('[[line]]\nname = "a"\n[[line]]\nname = "a"\n', "found 'a' twice"),
        ('[spool]\npath = "/var/lib/sered/"\n', "found a folder's"),
        ('[spool]\npath = "/var/lib/sered/.."\n', "found a folder's"),
        ('[mqtt]\nhost = "fe80::1"\n', "write fe80::1%eth0"),
        ('[[line]]\nsides = "customer=mono,agent=left"\n', "hears the agent's channel, too"),
        (
            '[[line]]\nname = "a"\ncard = "pcm:tap"\nsides = "mixed=mono"\n'
            '[[line]]\nname = "b"\ncard = "pcm:tap"\nsides = "customer=1,agent=2"\n',
            "is line a's card already",
        ),
        ("; site\n", "a comment begins with #"),
        ('{"site": "x"}\n', "this is JSON"),
        ("[mqtt]\nport = 01883\n", "write port = 1883"),
        ('site = "x",\n', 'write site = "x"'),
        ("[mqtt]\nusername = null\n", "TOML has no such value; delete the line"),
        ('export SITE = "x"\n', "write name = value alone"),
        ('site = "x" device = "y"\n', "write one setting a line"),
        ("<<<<<<< HEAD\n", "a merge left it there"),
        ('[privacy]\nredact_words = ["a",\n', "a list's ] is missing"),
    ],
)
def test_what_no_box_can_run_is_refused_at_load(tmp_path: Path, text: str, wanted: str) -> None:
    """Texts that no broker takes, and what is written as in other kinds of files."""
    path = tmp_path / "sered.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        config.load(path, environ={})
    assert re.search(wanted, str(caught.value)), str(caught.value)


def test_what_lies_beside_a_configuration_was_not_written_there(tmp_path: Path) -> None:
    """A folder of a default's name is used, and is no setting that somebody wrote."""
    (tmp_path / "whisper-base").mkdir()
    path = tmp_path / "sered.toml"
    path.write_text('site = "s"\n')
    settings = config.load(path, environ={})
    assert settings.models.whisper == tmp_path / "whisper-base"
    assert not [each for each in senseless(settings) if "whisper" in str(each)]


def _openssl(folder: Path, *words: str, days_ago: int = 0) -> None:
    early = ("faketime", "-f", f"-{days_ago}d") if days_ago else ()
    subprocess.run(
        [*early, "openssl", *words], cwd=folder, check=True, capture_output=True, text=True
    )


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """An authority, a box's certificate of it and one that ended a year ago."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    _openssl(
        tmp_path, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=a"
    )
    _openssl(tmp_path, "req", *key, "-keyout", "box.key", "-out", "box.csr", "-subj", "/CN=box")
    sign = ("x509", "-req", "-in", "box.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-days", "30")
    _openssl(tmp_path, *sign, "-out", "box.crt")
    _openssl(tmp_path, *sign, "-out", "old.crt", days_ago=400)
    return tmp_path


@pytest.mark.parametrize(
    ("ca", "cert", "wanted"),
    [
        ("ca.crt", "box.crt", ""),
        ("ca.crt", "old.crt", r":5: mqtt.cert: .*old.crt ended on 20"),
        ("box.crt", "box.crt", r":4: mqtt.ca: wanted an authority's certificate; .*for 'box'"),
        ("pipe", "box.crt", r":4: mqtt.ca: wanted a file; .*pipe is none"),
    ],
)
@pytest.mark.slow
def test_a_certificate_that_cannot_serve_is_named(
    sered: Callable[..., Ended], certificates: Path, ca: str, cert: str, wanted: str
) -> None:
    """An expired certificate and a box's own in the authority's place never reach a broker."""
    os.mkfifo(certificates / "pipe")
    path = certificates / "sered.toml"
    path.write_text(
        f'mode = "text"\n[mqtt]\nport = 8883\nca = "{ca}"\ncert = "{cert}"\nkey = "box.key"\n'
        "tls = true\n"
    )
    ended = sered("config", "check", path)
    assert ended.status == (2 if wanted else 0), ended.err
    assert re.search(wanted, ended.err)


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("own.tsv", "blue light\t-2\nblue light\t3\n", "line 2.*line 1 says the same words"),
        ("own.tsv", "", "wanted phrases in"),
        ("pipe", None, "found no plain file"),
    ],
)
@pytest.mark.slow
def test_a_list_that_contradicts_itself_or_waits_is_named(
    sered: Callable[..., Ended], tmp_path: Path, name: str, text: str | None, wanted: str
) -> None:
    """A phrase with two valences and a pipe in a list's place are told, and nothing hangs."""
    if text is None:
        os.mkfifo(tmp_path / name)
    else:
        (tmp_path / name).write_text(text)
    path = tmp_path / "sered.toml"
    path.write_text(f'[verdict]\nextra_lexicon = "{name}"\n')
    ended = sered("config", "check", path)
    assert ended.status == 2
    assert re.search(wanted, ended.err), ended.err


def test_the_spool_is_no_other_file(sered: Callable[..., Ended], tmp_path: Path) -> None:
    """A spool laid over a file that holds something else is refused before it is touched."""
    path = tmp_path / "sered.toml"
    path.write_text('mode = "text"\n[spool]\npath = "sered.toml"\n')
    ended = sered("config", "check", path)
    assert ended.status == 2
    assert "holds something else" in ended.err


def test_all_faults_are_told_at_once(sered: Callable[..., Ended], tmp_path: Path) -> None:
    """What cannot work together and what is named in vain stand in one answer, by line."""
    path = tmp_path / "sered.toml"
    path.write_text(
        '[mqtt]\nhost = "broker"\nport = 8883\nca = "gone.crt"\ncert = "own.crt"\n'
        '[models]\nvosk = "~/models"\nemotion = "/none.tflite"\nlexicon = "/none.tsv"\n'
    )
    ended = sered("config", "check", path)
    assert ended.status == 2
    found = re.findall(r"sered\.toml:(\d+): ([\w.]+):", ended.err)
    assert found == [
        ("3", "mqtt.port"),
        ("4", "mqtt.ca"),
        ("5", "mqtt.cert"),
        ("7", "models.vosk"),
        ("8", "models.emotion"),
        ("9", "models.lexicon"),
    ]
