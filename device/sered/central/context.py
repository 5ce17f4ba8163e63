"""What every part of central is given: settings, store, vault, clock, and the bells."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sered.central.bell import Bell
from sered.central.store.engine import Store
from sered.central.vault import from_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from sered.central.settings import CentralSettings
    from sered.central.vault import Vault


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Notice:
    """Why nothing comes in just now, for systemd and the board of this process; empty: all well."""

    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Central:
    """One running central; parts and pages take it as their first argument."""

    settings: CentralSettings
    store: Store
    vault: Vault
    now: Callable[[], datetime] = utc_now
    """Tests give their own."""
    cases_bell: Bell = field(default_factory=Bell)
    """Rings after every COMMIT that changed what the board shows: `wait` on it to stream."""
    outbox_bell: Bell = field(default_factory=Bell)
    """Rings after every COMMIT that put a notification into the outbox."""
    intake_says: Notice = field(default_factory=Notice)


def open_central(settings: CentralSettings, now: Callable[[], datetime] = utc_now) -> Central:
    """Central on its store; the tables are as they are. Raises ConfigError, StoreError."""
    vault = from_secret(settings.key)
    password = settings.store.password
    secret = password.get_secret_value() if password else None
    return Central(settings, Store(settings.store.url, secret), vault, now)
