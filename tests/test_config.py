"""What the configuration promises."""

import tomllib
from pathlib import Path

import pytest

from sered import config
from sered.channels import parse_sides
from sered.config import sample
from sered.errors import ConfigError
from sered.records import Side
from sered.settings import Settings


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sered.toml"
    path.write_text(text)
    return path


def test_default_file_is_the_defaults() -> None:
    """The commented default parses, and means what an empty file means."""
    assert Settings.model_validate(tomllib.loads(sample.default_toml())) == Settings()


def test_every_setting_stands_in_the_default_file() -> None:
    """No setting is hidden from who reads the default file."""
    text = sample.default_toml()
    for name in (
        "hang_over_s",
        "escalate_below",
        "password_file",
        "max_mb",
        "redact_words",
        "phrases",
    ):
        assert f"# {name} = " in text


def test_shown_configuration_reads_back() -> None:
    """What `show` prints is itself a configuration with the same meaning."""
    settings = Settings.model_validate({"site": "paris", "line": [{"name": "a"}, {"name": "b"}]})
    assert Settings.model_validate(tomllib.loads(sample.show(settings))) == settings


def test_all_faults_at_once_with_their_lines(tmp_path: Path) -> None:
    """Every fault is named in one go, with its line and the nearest known name."""
    path = write(
        tmp_path,
        'modee = "both"\n[[line]]\nname = "a"\n[[line]]\nname = "b"\ntone = "na"\n'
        "[mqtt]\nport = 65536\n",
    )
    with pytest.raises(ConfigError) as caught:
        config.load(path, environ={})
    lines = caught.value.faults
    assert any(f"{path}:1: modee" in line and "'mode'" in line for line in lines)
    assert any(f"{path}:6: line.2.tone" in line and "'tones'" in line for line in lines)
    assert any(f"{path}:8: mqtt.port" in line and "65536" in line for line in lines)
    assert len(lines) == 3


def test_broken_toml_names_its_line(tmp_path: Path) -> None:
    """A TOML mistake is one sentence with the line."""
    path = write(tmp_path, "site = \n")
    with pytest.raises(ConfigError, match="line 1"):
        config.load(path, environ={})


def test_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    """A missing configuration tells the command that writes one."""
    with pytest.raises(ConfigError, match="sered config init"):
        config.load(tmp_path / "none.toml", environ={})


@pytest.mark.parametrize("where", ["environment", "file", "credential"])
def test_password_from_outside_is_never_shown(tmp_path: Path, where: str) -> None:
    """A password from the environment, a file or a systemd credential is used and never printed."""
    secret = tmp_path / "mqtt-password"
    secret.write_text("hunter2\n")
    text = f'[mqtt]\npassword_file = "{secret}"\n' if where == "file" else ""
    environ = {
        "environment": {"SERED_MQTT_PASSWORD": "hunter2"},
        "file": {},
        "credential": {"CREDENTIALS_DIRECTORY": str(tmp_path)},
    }[where]
    settings = config.load(write(tmp_path, text), environ=environ)
    assert settings.mqtt.password is not None
    assert settings.mqtt.password.get_secret_value() == "hunter2"
    assert "hunter2" not in sample.show(settings) + repr(settings)


def test_a_wrong_password_type_is_not_echoed(tmp_path: Path) -> None:
    """Even a fault in the password's line does not print the password."""
    with pytest.raises(ConfigError) as caught:
        config.load(write(tmp_path, "[mqtt]\npassword = 12345678\n"), environ={})
    assert "12345678" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("customer=right", {Side.CUSTOMER: 2, Side.AGENT: 1}),
        ("customer=left", {Side.CUSTOMER: 1, Side.AGENT: 2}),
        ("customer=right,agent=none", {Side.CUSTOMER: 2}),
        ("customer=3,agent=4", {Side.CUSTOMER: 3, Side.AGENT: 4}),
        ("customer=mono", {Side.CUSTOMER: "mono"}),
        ("mixed=mono", {Side.MIXED: "mono"}),
    ],
)
def test_sides(text: str, sides: dict[Side, int | str]) -> None:
    """Sides read as people write them; the agent is the other of a pair."""
    assert parse_sides(text) == sides


@pytest.mark.parametrize(
    "text",
    ["", "agent=left", "customer=9", "mixed=mono,customer=left", "right", "customer=1,agent=1"],
)
def test_wrong_sides_are_refused(text: str) -> None:
    """A side that cannot be meant is refused with a sentence."""
    with pytest.raises(ValueError, match=r"wanted|side|customer"):
        parse_sides(text)
