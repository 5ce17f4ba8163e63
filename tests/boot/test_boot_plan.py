"""What comes of a card, decided without a disk."""

from __future__ import annotations

import re
import textwrap
import tomllib
from typing import TYPE_CHECKING

import pytest

from project import ROOT
from sered.boot import network, plan

if TYPE_CHECKING:
    from sered.boot.plan import Plan

CONFIGURATION = b'site = "berlin"\n[[line]]\ncard = "usb:0d8c:0014"\n[mqtt]\nhost = "localhost"\n'
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
KEY = b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"
PUBLIC = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample someone\n"


def of(whole: bool = True, taken: str = "", /, **files: bytes) -> Plan:
    """The plan for a card with these files; `__` in a name is a dot, `_` a hyphen."""
    named = {name.replace("__", ".").replace("_", "-"): text for name, text in files.items()}
    named = {name.replace("authorized-keys", "authorized_keys"): t for name, t in named.items()}
    ours = {our: named[there] for our, there in plan.wanted(tuple(named), whole=whole).items()}
    return plan.plan(tuple(named), ours, taken=taken, whole=whole)


def written(found: Plan) -> dict[str, bytes]:
    """Content by path."""
    return {write.path: write.content for write in found.writes}


def test_a_configuration_is_taken_over_and_stays() -> None:
    """It becomes the service's to read, and the card still shows what the box runs with."""
    found = of(sered__toml=CONFIGURATION)
    (write, mark) = found.writes
    assert (write.path, write.mode, write.group) == ("/etc/sered/sered.toml", 0o640, "sered")
    assert write.content == CONFIGURATION
    assert mark.content.decode() == plan.digest(CONFIGURATION)
    assert found.removes == ()
    assert "sered.toml: taken over." in found.says


def test_the_examples_that_people_copy_are_taken_over() -> None:
    """What the card's own page and docs/image.md show works as it stands."""
    page = (ROOT / "image/READ-ME.txt").read_text()
    shown = [textwrap.dedent(each) for each in re.findall(r"(?:^  .*\n)+", page, re.MULTILINE)]
    (configuration,) = (each for each in shown if "[mqtt]" in each)
    (wifi,) = (each for each in shown if "[wifi]" in each)
    (whole,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/image.md").read_text(), re.DOTALL)
    for network_file in (wifi, whole):
        found = of(sered__toml=configuration.encode(), network__toml=network_file.encode())
        assert "sered.toml: taken over." in found.says
        assert "network.toml: taken over, and gone from this card." in found.says


def test_what_was_taken_over_is_not_taken_again() -> None:
    """A change on the box itself outlives the start; one on the card is taken."""
    taken = plan.digest(CONFIGURATION)
    assert of(True, taken, sered__toml=CONFIGURATION).writes == ()
    assert len(of(True, taken, sered__toml=CONFIGURATION + b"\n").writes) == 2


def test_every_mistake_is_named_and_nothing_is_taken() -> None:
    """File, line and what was meant, all at once; what ran before runs on."""
    text = CONFIGURATION.replace(b"host", b"hst") + b"port = 70000\n"
    found = of(sered__toml=text)
    said = "\n".join(found.says)
    assert found.writes == ()
    assert "sered.toml:5: mqtt.hst: no such setting; did you mean 'host'?" in said
    assert "sered.toml:6: mqtt.port" in said
    assert "What ran before runs on" in said


@pytest.mark.parametrize("text", [b"\xff\xfes\x00i\x00", b"site = \xe9", b"site", b"x" * 300_000])
def test_what_is_no_configuration_is_said_in_a_sentence(text: bytes) -> None:
    """Another encoding, no TOML, a picture: no traceback, nothing written."""
    found = of(sered__toml=text)
    assert found.writes == ()
    assert found.says[0].startswith("sered.toml: not taken over.")
    assert len(found.says) > 1


def test_a_configuration_with_a_password_in_it_leaves_the_card() -> None:
    """It is a secret then."""
    text = CONFIGURATION + b'username = "desk"\npassword = "dahlia-91"\n'
    found = of(sered__toml=text)
    assert found.removes == ("sered.toml",)
    assert "dahlia" not in repr(found)


def test_a_password_for_a_far_broker_without_tls_is_refused() -> None:
    """As the configuration's own check does, although the password lies in another file."""
    text = CONFIGURATION.replace(b"localhost", b"mqtt.example.com")
    found = of(sered__toml=text, sered_mqtt_password=b"dahlia-91")
    assert "in clear text" in "\n".join(found.says)
    assert list(written(found)) == ["/etc/sered/mqtt-password"]
    assert of(sered__toml=text).writes


def test_secrets_go_and_certificates_stay() -> None:
    """Password and key leave the card; both are root's and the service's to read, nobody else's."""
    found = of(
        sered_mqtt_password=b"dahlia-91\r\n",
        sered_ca__crt=CERTIFICATE,
        sered_box__crt=CERTIFICATE,
        sered_box__key=KEY,
    )
    assert written(found) == {
        "/etc/sered/mqtt-password": b"dahlia-91\n",
        "/etc/sered/ca.crt": CERTIFICATE,
        "/etc/sered/box.crt": CERTIFICATE,
        "/etc/sered/box.key": KEY,
    }
    assert found.removes == ("sered-mqtt-password", "sered-box.key")
    assert {write.mode for write in found.writes} == {0o600, 0o640}
    assert "dahlia" not in repr(found) + "".join(found.says)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"sered_mqtt_password": b"\n"}, "found an empty line"),
        ({"sered_mqtt_password": b"[mqtt]\n"}, "found a configuration"),
        ({"sered_mqtt_password": b"desk:$7$101$abc\n"}, "the broker's own list of logins"),
        ({"sered_ca__crt": b"0\x82\x03"}, "-----BEGIN CERTIFICATE-----"),
        ({"sered_box__key": CERTIFICATE}, "-----BEGIN PRIVATE KEY-----"),
    ],
)
def test_a_secret_that_is_none_stays_on_the_card(files: dict[str, bytes], said: str) -> None:
    """Nothing is written, nothing removed, and a sentence says what was wanted."""
    found = of(**files)
    assert (found.writes, found.removes) == ((), ())
    assert any(said in each and "not taken over" in each for each in found.says)


def test_names_as_people_s_editors_make_them() -> None:
    """A hidden .txt and capitals do not matter; a slip of the pen is told of."""
    assert of(SERED__TOML=CONFIGURATION).writes
    assert of(sered__toml__txt=CONFIGURATION).writes
    both = of(sered__toml=CONFIGURATION, sered__toml__txt=b"site = 3")
    assert both.writes
    assert any("there is sered.toml as well" in say for say in both.says)
    assert any("call it sered.toml" in say for say in of(sered__tml=CONFIGURATION).says)
    assert not any("cmdline" in say for say in of(cmdline__txt=b"console").says)


def test_the_network_file_becomes_systemd_s() -> None:
    """Wi-Fi by its key, a fixed address, time servers and the name; the file leaves the card."""
    text = (
        'hostname = "desk-12"\ntime_zone = "Europe/Berlin"\ntime_servers = ["ntp.example.com"]\n'
        '[wifi]\nname = "IEEE"\npassword = "password"\ncountry = "DE"\n'
        '[address]\naddress = "192.0.2.10/24"\ngateway = "192.0.2.1"\ndns = ["192.0.2.1"]\n'
    )
    found = of(network__toml=text.encode())
    files = written(found)
    wifi = files["/etc/wpa_supplicant/wpa_supplicant-wlan0.conf"].decode()
    # the standard's own example (IEEE 802.11i, annex H.4)
    assert "psk=f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e" in wifi
    assert f"ssid={b'IEEE'.hex()}" in wifi
    assert "password" not in wifi + repr(found)
    fixed = files["/etc/systemd/network/10-sered.network"].decode()
    assert "Address=192.0.2.10/24\nGateway=192.0.2.1\nDNS=192.0.2.1\n" in fixed
    assert files["/etc/systemd/timesyncd.conf.d/sered.conf"] == b"[Time]\nNTP=ntp.example.com\n"
    assert files["/etc/hostname"] == b"desk-12\n"
    assert (found.hostname, found.time_zone) == ("desk-12", "Europe/Berlin")
    assert found.removes == ("network.toml",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('hostname = "Desk 12"', "network.toml:1: hostname: wanted a host name"),
        ('time_zone = "Berlin"', "wanted a time zone such as Europe/Berlin"),
        ('time_zone = "../../etc/passwd"', "wanted a time zone"),
        ('[wifi]\nname = "a"\npassword = "short"\ncountry = "DE"', "8 to 63 ASCII characters"),
        ('[wifi]\nname = "a"\ncountry = "Germany"', "two capital letters"),
        ('[wifi]\npassword = "long enough"\ncountry = "DE"', "wifi.name: is needed"),
        ('[address]\naddress = "192.0.2.10"', "such as 192.0.2.10/24"),
        ('[address]\naddress = "192.0.2.10/24"\ndns = ["one"]', "wanted an address"),
        ("[wlan]\nname = 'a'", "no such setting"),
    ],
)
def test_a_network_file_with_a_mistake_is_left_on_the_card(text: str, said: str) -> None:
    """The sentence names file, line and what was wanted, and shows no password."""
    assert tomllib.loads(text)
    found = of(network__toml=text.encode())
    assert (found.writes, found.removes, found.hostname) == ((), (), None)
    assert said in "\n".join(found.says)
    assert "short" not in "\n".join(found.says)


def test_an_open_network_is_joined_and_told_of() -> None:
    """Without a password the file says so, and so does the box."""
    found = of(network__toml=b'[wifi]\nname = "guests"\ncountry = "DE"\nhidden = true\n')
    (wifi,) = written(found).values()
    assert b"key_mgmt=NONE" in wifi
    assert b"scan_ssid=1" in wifi
    assert any("has no password" in say for say in found.says)


def test_a_key_of_64_digits_is_taken_as_it_is() -> None:
    """Who does not want to write the password down may write the key."""
    wifi = network.Wifi.model_validate({"name": "a", "password": "AB" * 32, "country": "DE"})
    assert f"psk={'ab' * 32}\n" in network.wpa_supplicant(wifi)


@pytest.mark.parametrize(
    ("content", "on", "said"),
    [
        (None, False, "SSH: off."),
        (PUBLIC, True, "SSH: on, with 1 key(s)"),
        (b"# mine\n\n" + PUBLIC, True, "SSH: on"),
        (b"", False, "SSH stays off"),
        (b"hunter2\n", False, "wanted public keys"),
        (b'command="sh" ' + PUBLIC, False, "wanted public keys"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\n", False, "this is a private key"),
    ],
)
def test_ssh_is_on_only_with_a_key(content: bytes | None, on: bool, said: str) -> None:
    """A public key on the card switches it on, anything else and nothing do not."""
    found = of() if content is None else of(authorized_keys=content)
    assert found.ssh is on
    assert any(said in say for say in found.says)
    assert bool(found.writes) is on


def test_a_box_that_is_not_ours_keeps_its_network_and_ssh() -> None:
    """Where sered is one package among others, only sered's own files are looked at."""
    found = of(False, sered__toml=CONFIGURATION, network__toml=b"x", authorized_keys=PUBLIC)
    assert found.writes[0].path == "/etc/sered/sered.toml"
    assert found.ssh is None
    assert not any("network" in say or "SSH" in say for say in found.says)


def test_an_empty_card_is_told_what_it_lacks() -> None:
    """Once: a box that has its configuration from elsewhere is not nagged."""
    assert any("there is none on this card" in say for say in of().says)
    assert not any("there is none" in say for say in of(True, "0123").says)


def test_what_is_said_ends_up_in_one_text() -> None:
    """Whole sentences under one head line, without a time: unchanged is not written again."""
    assert plan.said(of(sered__toml=CONFIGURATION)).startswith("What sered says")
    assert plan.said(of()) == plan.said(of())


def test_the_page_s_token_is_said_where_the_page_is_on() -> None:
    """One line switches the page on; its token is written once, and on the card for who has it."""
    names = ("sered.toml",)
    on = {"sered.toml": b"page_port = 8080\n" + CONFIGURATION}
    first = plan.plan(names, on, taken="", whole=True, token="abc", kept_token=False)
    assert written(first)["/etc/sered/page-token"] == b"abc\n"
    assert any("http://BOX:8080/?token=abc" in say for say in first.says)
    taken = plan.digest(on["sered.toml"])
    again = plan.plan(names, on, taken=taken, whole=True, token="abc", kept_token=True)
    assert again.writes == ()
    assert any("token=abc" in say for say in again.says)
    off = plan.plan(names, {"sered.toml": CONFIGURATION}, taken="", whole=True, token="abc")
    assert not any("token" in say for say in off.says)
