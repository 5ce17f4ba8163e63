"""`sered central enrol` and `sign`: a new box's token, and the authority's signature."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from sered.cli.central_options import Config, opened
from sered.errors import ConfigError


def add_to(app: typer.Typer) -> None:
    """Put the commands into `sered central`."""
    app.command()(enrol)
    app.command()(sign)


def enrol(
    site: Annotated[str, typer.Argument(metavar="SITE", help="The box's site.")],
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="The box's device.")],
    hours: Annotated[float, typer.Option(min=0.1, max=8760.0, help="How long it waits.")] = 72.0,
    config: Config = None,
) -> None:
    """Make a one-time token for a new box, shown this once, with which it asks for a certificate.

    A person approves the box on the board, page New boxes; `sered central sign` signs.

    Example: sered central enrol berlin-3 desk-12 > token
    """
    from sered.central import enrolment

    with opened(config) as central:
        typer.echo(enrolment.issue(central, site, device, hours))


def sign(
    ca: Annotated[Path, typer.Option(metavar="FILE", help="The authority's certificate.")],
    key: Annotated[Path, typer.Option(metavar="FILE", help="Its key, which nobody else reads.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep each here, too, for make-certificates revoke."),
    ] = None,
    config: Config = None,
) -> None:
    """Sign what a person approved on the board, and nothing else; then end.

    Example: sered central sign --ca ca.crt --key ca.key --out certificates
    """
    from sered.central import enrolment, signing

    try:
        authority = signing.authority(ca.read_bytes(), key.read_bytes())
    except OSError as error:
        msg = f"{error.filename}: cannot be read ({error.strerror}). Name the authority's files."
        raise ConfigError(msg) from None
    with opened(config) as central:
        done = enrolment.sign_approved(central, authority)
    for name, pem in done:
        if out is not None:
            keep(out, name, pem)
        typer.echo(f"{name}: signed")
    if not done:
        typer.echo("Nobody waits for a signature.")


def keep(folder: Path, name: str, pem: str) -> None:
    """As make-certificates keeps them: all that were ever made, so that all can be revoked."""
    digest = hashlib.sha256(pem.encode()).hexdigest()[:32]
    try:
        (folder / "issued" / name).mkdir(parents=True, exist_ok=True)
        for file in (folder / "issued" / name / f"{digest}.crt", folder / f"{name}.crt"):
            file.write_text(pem, encoding="utf-8")
    except OSError as error:
        msg = f"{folder}: cannot be written ({error.strerror}); {name} is signed all the same."
        raise ConfigError(msg) from None
