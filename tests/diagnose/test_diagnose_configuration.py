"""The configuration: each fault is written into a real file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from sered.diagnose import fixes, runner
from sered.diagnose.checks import configuration
from sered.diagnose.model import Context, Mark, Result

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


Examine = Callable[..., dict[str, Result]]


Configured = Callable[..., Context]


def test_a_typing_mistake_is_named_with_line_and_suggestion_and_blocks_what_needs_it(
    configured: Configured, examine: Examine
) -> None:
    """A misspelt key is told with its line and what was meant; checks that need it are skipped."""
    results = examine("configuration", configured('sitte = "x"\n'))
    result = results["configuration.reads"]
    assert (result.mark, result.fault) == (Mark.FAIL, "faulty")
    assert "sered.toml:1" in result.found
    assert "did you mean 'site'?" in result.found
    assert "sered config check" in result.hint
    assert results["configuration.named"].found == "configuration.reads failed"


def test_no_configuration_at_all_is_a_warning(examine: Examine) -> None:
    """Without a configuration the doctor warns and names the command that writes one."""
    from sered import config

    context = Context(config.load(None, environ={}))
    result = examine("configuration", context)["configuration.reads"]
    assert (result.mark, result.fault) == (Mark.WARN, "none")
    assert "sered config init" in result.hint


def test_a_box_without_a_site_is_told(configured: Configured, examine: Examine) -> None:
    """A box that still has the default site is told; one with a name shows its topics' head."""
    assert examine("configuration", configured())["configuration.named"].fault == "unnamed"
    named = examine("configuration", configured('site = "oslo"\ndevice = "desk4"'))
    assert named["configuration.named"].found == "sered/oslo/desk4"


def test_a_password_file_that_everybody_may_read_is_told_and_mended(
    configured: Configured, examine: Examine, tmp_path: Path
) -> None:
    """A readable password file fails with the command that mends it, and --fix runs it."""
    secret = tmp_path / "password"
    secret.write_text("tops3cret\n")
    secret.chmod(0o644)
    context = configured(f'[mqtt]\nusername = "box"\npassword_file = "{secret}"')
    result = examine("configuration", context)["configuration.secrets"]
    assert (result.mark, result.fault) == (Mark.FAIL, "readable")
    assert result.hint == f"sudo chmod o-rwx {secret}"
    assert "tops3cret" not in f"{result}"
    ((found, cure),) = fixes.possible([result])
    assert found is result
    assert fixes.apply(cure, context) == ""
    assert secret.stat().st_mode & 0o777 == 0o640
    assert examine("configuration", context)["configuration.secrets"].mark is Mark.OK


def test_a_password_in_a_configuration_that_everybody_may_read_is_told(
    configured: Configured, examine: Examine
) -> None:
    """A password inside a readable configuration is told with the file's path."""
    context = configured('[mqtt]\npassword = "tops3cret"')
    assert context.config_path is not None
    context.config_path.chmod(0o644)
    result = examine("configuration", context)["configuration.secrets"]
    assert result.fault == "readable"
    assert str(context.config_path) in result.hint


@pytest.mark.parametrize(
    ("mqtt", "fault"),
    [
        ('host = "localhost"\npassword = "x"', None),
        ('host = "127.0.0.1"', None),
        ('host = "broker.example"', "clear"),
        ('host = "broker.example"\npassword = "x"\ninsecure = true', "password"),
        ('host = "broker.example"\npassword = "x"\ntls = true', None),
    ],
)
def test_what_crosses_a_network_in_clear_text_is_told(
    configured: Configured, examine: Examine, mqtt: str, fault: str | None
) -> None:
    """A broker over the network without TLS is told; one on the box itself is not."""
    results = examine("configuration", configured(f"[mqtt]\n{mqtt}"))
    assert results["configuration.encrypted"].fault == fault


@pytest.mark.parametrize(
    ("privacy", "fault"),
    [
        ("", None),
        ("transcript = true", "words"),
        ("transcript = true\nredact = false", "unmasked"),
    ],
)
def test_words_that_leave_the_box_are_told(
    configured: Configured, examine: Examine, privacy: str, fault: str | None
) -> None:
    """Transcripts that the configuration lets out are pointed out."""
    results = examine("configuration", configured(f"[privacy]\n{privacy}"))
    assert results["configuration.privacy"].fault == fault


def test_the_group_does_no_harm_without_a_file(examine: Examine) -> None:
    """A context without settings at all: only the first check runs."""
    results = list(runner.run([configuration.GROUP], Context(None, None, "broken")))
    assert [r.mark for r in results] == [Mark.FAIL] + [Mark.SKIP] * 6


@pytest.mark.parametrize("name", ["sered-mqtt-password", "sered-box.key"])
def test_a_secret_on_the_boot_partition_is_told(
    configured: Configured, examine: Examine, tmp_path: Path, name: str
) -> None:
    """A password or key that was left there is a warning with the command that deletes it."""
    boot = tmp_path / "root/boot/firmware"
    boot.mkdir(parents=True)
    context = configured(root=tmp_path / "root")
    assert examine("configuration", context)["configuration.boot"].mark is Mark.OK
    (boot / name).write_text("x")
    result = examine("configuration", context)["configuration.boot"]
    assert (result.mark, result.fault) == (Mark.WARN, "left")
    assert result.hint.endswith(f"sudo rm {boot / name}")
