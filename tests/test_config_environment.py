"""Settings out of the environment, as containers have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

from sered import config
from sered.config.environment import settings_in
from sered.errors import ConfigError
from sered.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def load(text: str, tmp_path: Path, **environ: str) -> Settings:
    """What a file and an environment come to."""
    path = tmp_path / "sered.toml"
    path.write_text(text, encoding="utf-8")
    return config.load(path, environ=environ)


def test_a_variable_lies_over_the_file(tmp_path: Path) -> None:
    """Text, number, switch, list and one of several tables; the rest of the file stays."""
    text = 'site = "a"\n[[line]]\ncard = "usb:1111:2222"\nname = "one"\n[mqtt]\nhost = "old"\n'
    settings = load(
        text,
        tmp_path,
        SERED__SITE="42",
        SERED__MQTT__PORT="8883",
        SERED__MQTT__TLS="true",
        SERED__MQTT__HOST="broker.example.com",
        SERED__LINE__0__CARD="usb:0d8c:0014",
        SERED__LINE__1__NAME="two",
        SERED__PRIVACY__REDACT_WORDS='["one", "two"]',
        SERED__CALLS__HANG_OVER_S="12.5",
    )
    assert settings.site == "42"
    assert (settings.mqtt.host, settings.mqtt.port, settings.mqtt.tls) == (
        "broker.example.com",
        8883,
        True,
    )
    assert [(line.name, line.card) for line in settings.line] == [
        ("one", "usb:0d8c:0014"),
        ("two", "default"),
    ]
    assert settings.privacy.redact_words == ("one", "two")
    assert settings.calls.hang_over_s == 12.5


def test_without_a_file_the_environment_is_enough(tmp_path: Path) -> None:
    """A container needs nothing in its configuration file."""
    settings = load("", tmp_path, SERED__SITE="berlin", SERED__LINE__0__CARD="pcm:tap")
    assert (settings.site, settings.line[0].card) == ("berlin", "pcm:tap")


def test_the_password_comes_from_a_file(tmp_path: Path) -> None:
    """As orchestrators hand secrets over."""
    (tmp_path / "secret").write_text("dahlia-91\n")
    settings = load("", tmp_path, SERED__MQTT__PASSWORD_FILE=str(tmp_path / "secret"))
    assert settings.mqtt.password is not None
    assert settings.mqtt.password.get_secret_value() == "dahlia-91"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SERED__MQTT__PROT", "1", "SERED__MQTT__PROT: no such setting; did you mean 'port'?"),
        ("SERED__MQTT__PORT", "many", "SERED__MQTT__PORT: "),
        ("SERED__MQTT__", "x", "names with __ between them"),
        ("SERED__SITE__NAME", "x", "leads nowhere"),
        ("SERED__LINE__7__CARD", "x", "the next one is 1"),
        ("SERED__LINE__CARD", "x", "leads nowhere"),
        ("SERED__PRIVACY__REDACT_WORDS", "[one", "wanted a list"),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, variable: str, value: str, said: str) -> None:
    """By its own name, not by a line of the file."""
    with pytest.raises(ConfigError) as error:
        load('site = "a"\n[[line]]\n', tmp_path, **{variable: value})
    assert said in str(error.value)
    assert "sered.toml" not in str(error.value)


def test_faults_of_both_are_told_at_once(tmp_path: Path) -> None:
    """The variable by its name, the file's by its line."""
    with pytest.raises(ConfigError) as error:
        load("sight = 1\n", tmp_path, SERED__MODE="loud")
    assert len(error.value.faults) == 2
    assert "SERED__MODE" in str(error.value)
    assert "sered.toml:1: sight" in str(error.value)


def _names(model: type[BaseModel], way: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _names(inner, (*way, name))
        else:
            yield (*way, name)


def test_every_setting_has_a_variable() -> None:
    """What the configuration knows can be set from outside, by the same names in capitals."""
    names = list(_names(Settings))
    assert len(names) > 40
    for way in names:
        variable = "SERED__" + "__".join(part.upper() for part in way)
        assert list(settings_in({variable: "x"})) == [way]
