"""What stands in the certificates that a box uses: whose they are, and when they end."""

from __future__ import annotations

import _ssl
import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from sered.settings import MqttSettings


def name(path: Path) -> str:
    """The common name in a PEM certificate; empty where there is none that can be read."""
    names = [value for part in _read(path).get("subject", ()) for key, value in part]
    return str(names[0]) if names else ""


def ends(path: Path) -> datetime | None:
    """When a PEM certificate ends, UTC; None where there is none that can be read."""
    until = _read(path).get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(until)), UTC) if until else None


def own(path: Path) -> bool:
    """Whether a PEM certificate was made by itself, as an authority's or a lone broker's is."""
    read = _read(path)
    return bool(read) and read.get("subject") == read.get("issuer")


def first_end(mqtt: MqttSettings) -> datetime | None:
    """When the first of our certificates ends, our own or its authority's; None without any."""
    if not mqtt.tls:
        return None
    return min((end for path in (mqtt.cert, mqtt.ca) if path and (end := ends(path))), default=None)


def _read(path: Path) -> dict[str, Any]:
    try:
        # the standard library shows a file's certificate by no public name; CPython's own tests
        # use this one, on 3.11 and 3.13 alike
        return dict(_ssl._test_decode_cert(str(path)))  # type: ignore[attr-defined]  # not in stubs
    except (OSError, ValueError):
        return {}
