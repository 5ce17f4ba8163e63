"""What cannot work is said before a call comes: kinds of mistakes that people make."""

from __future__ import annotations

import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from sered import config, spelling
from sered.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from project import Ended


def said(tmp_path: Path, text: str) -> str:
    """What `load` says to a configuration; empty where it finds no fault."""
    path = tmp_path / "sered.toml"
    path.write_bytes(text.encode())
    try:
        config.load(path, environ={})
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("hw:1,0", "another card after the next start"),
        ("plughw:2", "another card after the next start"),
        ("1", "another card after the next start"),
        ("card:0", "another card after the next start"),
        ("plughw:CARD=Device,DEV=0", "'card:Device'"),
        ("usb:0d8c:14", "'usb:0d8c:0014'"),
        ("usb:0d8c-0014", "'usb:0d8c:0014'"),
        ("USB 0D8C:0014", "'usb:0d8c:0014'"),
        ("crad:Device", "'card:Device'"),
        ("dsnoop:Device", "'pcm:dsnoop:Device'"),
        ("USB Audio Device", "sered devices"),
        ("/dev/snd/pcmC1D0c", "sered devices"),
        ("pcm:", "sered devices"),
        ("", "sered devices"),
    ],
)
def test_a_card_is_named_by_what_stays(name: str, hint: str) -> None:
    """A card by number, title or half a name is refused, and what was meant is said."""
    with pytest.raises(ValueError, match="wanted card:ID, usb:") as caught:
        spelling.card(name)
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["default", "card:Device_1", "usb:0D8C:0014", "usb:0d8c:0014:A 1", "path:1-1.3", "pcm:hw:1"],
)
def test_a_card_s_stable_names_are_taken(name: str) -> None:
    """Every form that `sered devices` prints is taken as it is."""
    assert spelling.card(name) == name


@pytest.mark.parametrize(
    ("host", "hint"),
    [
        ("mqtt://broker.example.com", 'host = "broker.example.com"'),
        ("mqtts://broker:8884/x", 'host = "broker" and port = 8884 and tls = true'),
        ("broker.example:8883", 'host = "broker.example" and port = 8883'),
        ("[::1]", 'host = "::1"'),
        ("[fd00::7]:1883", 'host = "fd00::7" and port = 1883'),
        ("192.168.1.300", "four numbers from 0 to 255"),
        ("10.0.1", "four numbers from 0 to 255"),
        ("fd00::12::1", "IPv6"),
        ("0.0.0.0", "for the broker to listen on"),
        ("::", "for the broker to listen on"),
        ("224.0.0.5", "many machines'"),
        ("", "found nothing"),
        ("broker ", "blanks"),
        ("my broker", "blanks"),
        ("broker..example", "an empty part"),
        ("-broker", "the part '-broker'"),
        ("x" * 64, "up to 63 letters"),
        ("a." * 130 + "a", "up to 253 characters"),
        ("broker/mqtt", 'host = "broker"'),
    ],
)
def test_a_host_is_a_name_or_an_address(host: str, hint: str) -> None:
    """What no machine can be called is refused, and what was meant is said."""
    with pytest.raises(ValueError, match="wanted") as caught:
        spelling.host(host)
    assert hint in str(caught.value)


def test_a_login_in_a_host_is_not_echoed(tmp_path: Path) -> None:
    """A password that stands in a URL is not printed, nor the line that it stands in."""
    text = said(tmp_path, '[mqtt]\nhost = "mqtts://box:hunter2@broker:8883"\n')
    assert 'host = "broker"' in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    "host", ["localhost", "broker.example.", "mqtt_broker", "bröker.example", "::1", "fe80::1%eth0"]
)
def test_real_hosts_are_taken(host: str) -> None:
    """Names with a point at the end, an underscore or umlauts exist, and so do zones."""
    assert spelling.host(host) == host


@pytest.mark.parametrize(
    ("phrase", "hint"),
    [
        ("No Parking!", "did you mean 'no parking'?"),
        ("double-billed", "did you mean 'double billed'?"),
        ("401k plan", "as they are spoken"),
        ("wait, please", "did you mean 'wait please'?"),
        ("ever?", "that must be said"),
        ("...", "that must be said"),
        (" ", "that must be said"),
    ],
)
def test_a_phrase_that_cannot_be_said_is_refused(phrase: str, hint: str) -> None:
    """Digits, hyphens and punctuation are never heard; what was meant is said."""
    with pytest.raises(ValueError, match="wanted") as caught:
        spelling.phrase(phrase)
    assert hint in str(caught.value)


def test_capitals_in_a_cause_are_folded(tmp_path: Path) -> None:
    """A phrase is found however it is capitalised in the configuration."""
    path = tmp_path / "sered.toml"
    path.write_text('[[verdict.cause]]\nname = "p"\nphrases = ["No Parking", "Can’t Pay"]\n')
    (cause,) = config.load(path, environ={}).verdict.cause
    assert cause.phrases == ("no parking", "can't pay")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[mqtt]\nport = 8883\n", ":2: mqtt.port: port 8883 is for TLS; set tls = true"),
        (
            '[mqtt]\nhost = "b.example"\npassword = "x"\n',
            ":2: mqtt.host: the password would go to b.example in clear text",
        ),
        ("[mqtt]\nexpiry_s = 4294967296\n", ":2: mqtt.expiry_s: "),
        (f'[mqtt]\nclient_id = "{"x" * 70_000}"\n', ":2: mqtt.client_id: "),
        ("[spool]\nmax_days = 1e-300\n", ":2: spool.max_days: "),
        ("[spool]\nmax_days = inf\n", ":2: spool.max_days: "),
        ('[mqtt]\nusername = "box "\n', ":2: mqtt.username: wanted a text without blanks"),
        ('[spool]\npath = "~/spool.db"\n', ":2: spool.path: wanted a whole path"),
        ('[mqtt]\ntls = true\nca = "$HOME/ca.crt"\n', ":3: mqtt.ca: wanted a path"),
        ('[line]\nname = "x"\n', ":1: line: write [[line]] with two brackets"),
        ('[verdict.cause]\nname = "x"\n', ":1: verdict.cause: write [[verdict.cause]]"),
        ('[[mqtt]]\nhost = "x"\n', ":1: mqtt: write [mqtt] with one bracket"),
        ('mqtt = "broker"\n', ":1: mqtt: write [mqtt] on a line of its own"),
        ("tls = true\n", ":1: tls: no such setting here; it belongs under [mqtt]"),
        ("[mqtt]\nrate_hz = 8000\n", ":2: mqtt.rate_hz: no such setting here; it belongs under"),
        (
            '[[line]]\nname = "a"\nhook_gpio = 17\ncard = "card:A"\n'
            '[[line]]\nname = "b"\nhook_gpio = 17\ncard = "card:B"\n',
            ":7: line.2.hook_gpio: pin 17 is line a's already",
        ),
        (
            '[[line]]\nname = "a"\ncard = "usb:0d8c:0014"\n'
            '[[line]]\nname = "b"\ncard = "usb:0D8C:0014"\n',
            ":6: line.2.card: usb:0D8C:0014 is line a's card already",
        ),
        ('mqtt.host = "mqtt://x"\n', ":1: mqtt.host: "),
    ],
)
def test_what_cannot_work_is_refused_with_its_line(tmp_path: Path, text: str, wanted: str) -> None:
    """A configuration that reads well and cannot work is named with line and caret."""
    found = said(tmp_path, text)
    assert wanted in found
    if "password" not in text:
        assert "\n    " in found
        assert found.splitlines()[-1].strip("^ ") == ""


def test_lines_of_one_alsa_device_may_share_it_by_channels(tmp_path: Path) -> None:
    """A device of one's own may hand two lines their channels; the same channels it may not."""
    text = (
        '[[line]]\nname = "a"\ncard = "pcm:four"\nsides = "customer=1,agent=2"\n'
        '[[line]]\nname = "b"\ncard = "pcm:four"\nsides = "customer={},agent=4"\n'
    )
    assert said(tmp_path, text.format(3)) == ""
    assert "every line needs its own" in said(tmp_path, text.format(2))


@pytest.mark.parametrize(
    ("text", "line", "wanted"),
    [
        ("[mqtt]\ntls = yes\n", 2, "write tls = true"),
        ("[mqtt]\ntls = False\n", 2, "write tls = false"),
        ("[mqtt]\nhost = broker.local\n", 2, 'write host = "broker.local"'),
        ("site = “berlin”\n", 1, "“ is no quotation mark"),
        ("site: berlin\n", 1, 'write site = "berlin"'),
        ("site =\n", 1, "site has no value"),
        ('site = "berlin\n', 1, "quotation mark is missing"),
        ("[verdict]\nescalate_below = -0,5\n", 2, "write escalate_below = -0.5"),
        ('[spool]\npath = "C:\\sered\\spool.db"\n', 2, "backslash"),
        ('site = "a"\nsite = "b"\n', 2, "it stands there twice"),
        ('[mqtt]\nport = 1\n[privacy]\n[mqtt]\nhost = "x"\n', 4, "it stands there twice"),
        ("[mqtt\n", 1, "write [mqtt]"),
        ('site\u00a0= "berlin"\n', 1, "U+00A0"),
        ('\u2028site = "berlin"\n', 1, "U+2028"),
    ],
)
def test_what_is_no_toml_is_shown_and_guessed(
    tmp_path: Path, text: str, line: int, wanted: str
) -> None:
    """A mistake of writing is shown with its line and a caret, and what to write is said."""
    found = said(tmp_path, text)
    assert f"sered.toml:{line}: wanted TOML, found a mistake in line {line}" in found
    assert wanted in found
    assert found.splitlines()[-1].strip() == "^"


def test_a_mistake_in_a_password_s_line_does_not_show_it(tmp_path: Path) -> None:
    """The line of a password is not printed, whatever is wrong with it."""
    assert "hunter2" not in said(tmp_path, "[mqtt]\npassword = hunter2\n")
    assert "hunter2" not in said(tmp_path, '[mqtt]\npassword = "hunter2\n')


def test_a_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    """Windows editors put a mark before a text; it is no part of it."""
    path = tmp_path / "sered.toml"
    secret = tmp_path / "password"
    secret.write_bytes("\ufeffhunter2\r\n".encode())
    path.write_bytes('\ufeffsite = "oslo"\r\n[mqtt]\r\npassword_file = "password"\r\n'.encode())
    settings = config.load(path, environ={})
    assert settings.site == "oslo"
    assert settings.mqtt.password is not None
    assert settings.mqtt.password.get_secret_value() == "hunter2"


def test_utf_16_is_named(tmp_path: Path) -> None:
    """A file that Windows saved as `Unicode` is named as such."""
    path = tmp_path / "sered.toml"
    path.write_bytes('site = "oslo"\n'.encode("utf-16"))
    with pytest.raises(ConfigError, match="UTF-16"):
        config.load(path, environ={})


@pytest.mark.parametrize(
    ("content", "password"),
    [
        ("a\u2028b\n", "a\u2028b"),
        ("a\x0bb\x85c\n", "a\x0bb\x85c"),
        (" a b \t\r\nsecond\n", "a b"),
        ("no end", "no end"),
    ],
)
def test_a_password_is_the_whole_first_line(tmp_path: Path, content: str, password: str) -> None:
    """Only a line's end ends it, and blanks around it do not count."""
    (tmp_path / "password").write_bytes(content.encode())
    path = tmp_path / "sered.toml"
    path.write_text('[mqtt]\npassword_file = "password"\n')
    found = config.load(path, environ={}).mqtt.password
    assert found is not None
    assert found.get_secret_value() == password


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (None, "no such password file: .*mqtt-passwort; did you mean mqtt-password"),
        ("", "found an empty line"),
        ("box:$7$101$abc$def==\n", "broker's own list"),
        ("[mqtt]\nhost = 1\n", "found a configuration"),
    ],
)
def test_a_password_file_that_holds_none_is_named(
    tmp_path: Path, content: str | None, wanted: str
) -> None:
    """A missing, empty or mistaken password file is refused with the setting's line."""
    (tmp_path / "mqtt-password").write_text("x")
    if content is not None:
        (tmp_path / "mqtt-passwort").write_text(content)
    path = tmp_path / "sered.toml"
    path.write_text('[mqtt]\npassword_file = "mqtt-passwort"\n')
    with pytest.raises(ConfigError, match=rf":2: mqtt\.password_file: .*{wanted}") as caught:
        config.load(path, environ={})
    assert "config init" not in str(caught.value)


def test_paths_start_at_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths mean the same from every working directory; sered's own models are found."""
    folder = tmp_path / "site"
    (folder / "vosk").mkdir(parents=True)
    path = folder / "sered.toml"
    path.write_text(
        '[models]\nvosk = "vosk"\n[verdict]\nextra_lexicon = "own.tsv"\n[spool]\npath = "s.db"\n'
        '[mqtt]\ntls = true\nca = "ca.crt"\n'
    )
    monkeypatch.chdir(tmp_path)
    settings = config.load(path.relative_to(tmp_path), environ={})
    assert settings.models.vosk == folder / "vosk"
    assert settings.verdict.extra_lexicon == folder / "own.tsv"
    assert settings.spool.path == folder / "s.db"
    assert settings.mqtt.ca == folder / "ca.crt"
    assert config.model_path(settings.models.emotion) == config.models_dir() / "emotion.tflite"


def test_a_host_name_that_can_be_no_topic_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default name of the box is checked like one that is written."""
    monkeypatch.setattr(socket, "gethostname", lambda: "desk+1")
    assert "device: " in said(tmp_path, 'site = "oslo"\n')


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('[models]\nvosk = "nowhere"\n', ":2: models.vosk: wanted a Vosk model in "),
        ('[models]\nemotion = "x.tflite"\n', ":2: models.emotion: wanted the emotion network"),
        ('[models]\nlexicon = "empty.tsv"\n', ":2: models.lexicon: wanted phrases in "),
        (
            '[verdict]\nextra_lexicon = "own.tsv"\n',
            ":2: verdict.extra_lexicon: wanted a phrase, a tab and a valence in .*line 2",
        ),
        ('[mqtt]\ntls = true\nca = "no.crt"\n', ":3: mqtt.ca: no such file: .*no.crt"),
        ('[mqtt]\ntls = true\nca = "own.tsv"\n', ":3: mqtt.ca: .*cannot be used"),
        ('[spool]\npath = "."\n', ":2: spool.path: wanted a file; found the folder"),
        ('[spool]\npath = "own.tsv/s.db"\n', ":2: spool.path: wanted a folder above"),
    ],
)
@pytest.mark.slow
def test_check_loads_what_is_named(
    sered: Callable[..., Ended], tmp_path: Path, text: str, wanted: str
) -> None:
    """`config check` loads models, lists and certificates as the service will, and names them."""
    import re

    (tmp_path / "empty.tsv").write_text("# none\n")
    (tmp_path / "own.tsv").write_text("blue light\t-2\nred light\t-2,5\n")
    path = tmp_path / "sered.toml"
    path.write_text(text)
    ended = sered("config", "check", path)
    assert ended.status == 2
    assert re.search(wanted, ended.err), ended.err
    assert sered("config", "check", path, "--without-files").status == 0


def test_a_host_name_of_the_machine_is_checked_at_the_command(tmp_path: Path) -> None:
    """A machine called desk+1 is told before it connects."""
    import os
    import sys

    if os.geteuid():
        pytest.skip("needs root for a host name of its own")
    path = tmp_path / "sered.toml"
    path.write_text('site = "oslo"\n')
    done = subprocess.run(
        [
            "unshare", "-u", "sh", "-c",
            'printf desk+1 >/proc/sys/kernel/hostname; exec "$0" -m sered config check "$1"',
            sys.executable, path,
        ],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "device" in done.stderr


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('[calls]\nhang_over_s = "30s"\n', "of seconds from 2 to 600; found '30s': write hang_"),
        ('[calls]\nhang_over_s = "2 min"\n', "write hang_over_s = 120."),
        ("[calls]\nhang_over_s = 30000\n", "found 30000: write hang_over_s = 30."),
        ("[calls]\nhang_over_s = 00:00:30\n", "found 00:00:30."),
        (
            '[spool]\nmax_days = "2 weeks"\n',
            "of days from 0.01 to 36500; found '2 weeks': write max",
        ),
        ('[spool]\nmax_mb = "1 GB"\n', "write max_mb = 1024."),
        ('[mqtt]\nexpiry_s = "30d"\n', "write expiry_s = 2592000."),
        ("[mqtt]\nport = 88883\n", "wanted a whole number from 1 to 65535; found 88883."),
        ("[mqtt]\nversion = 5\n", 'wanted "5" or "3.1.1"; found 5: write version = "5".'),
        ('[mqtt]\nversion = "3.1"\n', 'write version = "3.1.1".'),
        (
            "[[line]]\nrate_hz = 44.1\n",
            "of hertz from 8000 to 96000; found 44.1: write rate_hz = 44",
        ),
        ('[[line]]\ntones = "US"\n', 'write tones = "na".'),
        ('[[line]]\nhook_active = "LOW"\n', 'write hook_active = "low".'),
        ('log_level = "warn"\n', 'write log_level = "warning".'),
        ('mode = "voice"\n', 'write mode = "audio".'),
        ("[verdict]\nescalate_below = 0.55\n", "write escalate_below = -0.55."),
        ("[verdict]\nescalate_below = -55\n", "write escalate_below = -0.55."),
        ("site = 12\n", 'wanted a text in quotation marks; found 12: write site = "12".'),
        ('[privacy]\nredact_words = "acme"\n', "a list in brackets; found 'acme': write redact_w"),
        ('[[verdict.cause]]\nname = "x"\nphrases = []\n', "wanted at least one; found []."),
        ('[mqtt.tls]\nca = "a"\n', "wanted true or false; found a table: write tls = "),
        ('[models]\nlanguage = "en-US"\n', "wanted two small letters, as in en; found"),
        ('[mqtt]\ntls = true\ncafile = "a"\n', "no such setting; did you mean 'ca'?"),
        ('[mqtt]\nca_certs = "a"\n', "no such setting; did you mean 'ca'?"),
        ("[mqtt]\nqos = 2\n", "no such setting; every verdict is sent with QoS 1."),
        ('[broker]\nhost = "x"\n', "no such setting; did you mean 'mqtt'?"),
        ('[[cause]]\nname = "x"\n', "no such setting here; it belongs under [verdict]."),
        ("threshold = -0.5\n", "did you mean 'escalate_below' under [verdict]?"),
    ],
)
def test_what_a_setting_takes_is_said_in_its_own_words(
    tmp_path: Path, text: str, wanted: str
) -> None:
    """A wrong kind, unit, scale or name is told with what is taken and what to write."""
    assert wanted in said(tmp_path, text)
