"""What commands of `sered central` share: the configuration, and central on its store."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sered.central.context import Central
    from sered.central.settings import CentralSettings

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="Configuration; without it /etc/sered-central/central.toml, or the defaults.",
    ),
]


def settings_of(path: Path | None) -> CentralSettings:
    """The configuration of a file, or of the usual place; raises ConfigError."""
    from sered.central import configuration

    return configuration.load(path)


@contextmanager
def opened(path: Path | None) -> Iterator[Central]:
    """Central on its store, for one command; raises StoreError where the store is another one."""
    from sered.central.context import open_central
    from sered.central.store import migrate

    central = open_central(settings_of(path))
    try:
        migrate.check(central.store)
        yield central
    finally:
        central.store.close()
