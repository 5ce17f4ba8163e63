"""The doctor on the certificate by which a broker lets this box in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from broker import Authority
from sered.diagnose.model import Mark

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sered.diagnose.model import Context, Result

    Examine = Callable[..., dict[str, Result]]
    Look = Callable[[Path, Path], Result]

CHECK = "broker.own_certificate"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


@pytest.fixture
def look(
    authority: Authority,
    configured: Callable[..., Context],
    examine: Examine,
) -> Look:
    """What the check says of a box with this certificate and key; no broker is needed for it."""

    def look(certificate: Path, key: Path) -> Result:
        mqtt = (
            f'host = "127.0.0.1"\nport = 9\ntls = true\nca = "{authority.certificate}"\n'
            f'cert = "{certificate}"\nkey = "{key}"\n'
        )
        context = configured(f'site = "oslo"\ndevice = "desk4"\n[mqtt]\n{mqtt}')
        assert context.settings, context.config_error
        return examine("broker", context, CHECK)[CHECK]

    return look


@pytest.mark.parametrize(
    ("days", "mark", "fault"),
    [(90, Mark.OK, ""), (5, Mark.WARN, "ends"), (-1, Mark.FAIL, "ended")],
)
def test_the_end_of_the_boxs_own_certificate_is_told(
    authority: Authority, look: Look, days: int, mark: Mark, fault: str
) -> None:
    """Long before its end it is in order, shortly before a warning, afterwards a failure."""
    result = look(*authority.issue("oslo.desk4", ends_in_days=days))
    assert (result.mark, result.fault or "") == (mark, fault)
    assert "oslo.desk4, valid until 20" in result.found
    if fault:
        assert "make-certificates renew oslo.desk4" in result.hint


def test_a_certificate_that_cannot_be_read_is_told(authority: Authority, look: Look) -> None:
    """A file with something else in it is named, and which setting to mend."""
    certificate, key = authority.issue("oslo.desk4", ends_in_days=90)
    certificate.write_text("no certificate")
    result = look(certificate, key)
    assert (result.mark, result.fault) == (Mark.FAIL, "unreadable")
    assert str(certificate) in result.found
    assert "[mqtt] cert" in result.hint


def test_a_box_without_a_certificate_is_not_looked_at(
    configured: Callable[..., Context], examine: Examine
) -> None:
    """A box that logs in by its password has none to end."""
    context = configured('site = "oslo"\n[mqtt]\nhost = "127.0.0.1"\nport = 9\n')
    result = examine("broker", context, CHECK)[CHECK]
    assert result.mark is Mark.SKIP
