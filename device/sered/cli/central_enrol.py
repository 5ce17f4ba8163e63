"""`sered central enrol`, `shut-out`, `sign`: a box's token, its end, the authority's signature."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sered.cli.central_options import Config, opened
from sered.errors import ConfigError, SeredError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sered.central.context import Central
    from sered.central.signing import Authority


def add_to(app: typer.Typer) -> None:
    """Put the commands into `sered central`."""
    app.command()(enrol)
    app.command("shut-out")(shut_out)
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


def shut_out(
    site: Annotated[str, typer.Argument(metavar="SITE", help="The box's site.")],
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="The box's device.")],
    config: Config = None,
) -> None:
    """Take back the certificates of a box that is lost or does what it should not, for good.

    As the button on the board does. Brokers cut it off as soon as they have fetched the list that
    `sered central sign` signs.

    Example: sered central shut-out berlin-3 desk-12
    """
    from sered.central import shutting_out

    with opened(config) as central:
        shutting_out.by_name(central, "cli", site, device)
    typer.echo(f"{site}/{device} is shut out, and its brokers have yet to fetch the list.")


def sign(
    ca: Annotated[Path, typer.Option(metavar="FILE", help="The authority's certificate.")],
    key: Annotated[Path, typer.Option(metavar="FILE", help="Its key, which nobody else reads.")],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Keep certificates and crl.pem here, too, as make-certificates."
        ),
    ] = None,
    every_s: Annotated[
        float | None,
        typer.Option("--every-s", min=0.1, help="Go on, and look again after so many seconds."),
    ] = None,
    config: Config = None,
) -> None:
    """Sign what a person approved on the board, and the list of those who were shut out.

    It signs nothing else. Brokers fetch the list from the board, /revoked.pem.

    Example: sered central sign --ca ca.crt --key ca.key --out certificates
    """
    from sered.central import signing

    try:
        authority = signing.authority(ca.read_bytes(), key.read_bytes())
    except OSError as error:
        msg = f"{error.filename}: cannot be read ({error.strerror}). Name the authority's files."
        raise ConfigError(msg) from None
    with opened(config) as central:
        if every_s is None:
            if not _signed(central, authority, out):
                typer.echo("Nobody waits for a signature.")
        else:
            _for_ever(partial(_signed, central, authority, out), every_s)


def _signed(central: Central, authority: Authority, out: Path | None) -> int:
    """One round; how many certificates were signed. Raises SeredError."""
    from sered.central import enrolment, shutting_out

    done = enrolment.sign_approved(central, authority)
    for name, pem in done:
        if out is not None:
            keep(out, name, pem)
        typer.echo(f"{name}: signed")
    beside = out / "crl.pem" if out is not None and (out / "crl.pem").exists() else None
    before = beside.read_bytes() if beside else None
    made = shutting_out.publish(central, authority, before)
    if out is not None and made.encode() != before:
        keep_list(out, made)
        typer.echo("crl.pem: signed")
    return len(done)


def _for_ever(a_round: Callable[[], int], every_s: float) -> None:
    """Until SIGTERM or SIGINT; what goes wrong is said once, and tried again."""
    from sered import config as surroundings
    from sered.box.sd_notify import Notifier

    stop, why = threading.Event(), ""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    notifier = Notifier(surroundings.notify_socket())
    notifier.ready()
    while not stop.is_set():
        try:
            a_round()
            said = "waits for what is approved or shut out"
        except (SeredError, OSError) as error:
            said = str(error)
            if said != why:
                typer.echo(said, err=True)
        why = said
        notifier.status(said)
        notifier.alive()
        stop.wait(every_s)
    notifier.stopping()


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


def keep_list(folder: Path, pem: str) -> None:
    """The list in one step, and for everybody to read: a broker that finds half of one is dead."""
    new = folder / f".crl-{os.getpid()}.new"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with new.open("w", encoding="utf-8") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        new.chmod(0o644)
        new.replace(folder / "crl.pem")
    except OSError as error:
        msg = f"{folder}: cannot be written ({error.strerror}); the board has the list."
        raise ConfigError(msg) from None
