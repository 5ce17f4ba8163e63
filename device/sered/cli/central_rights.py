"""`sered central access`, `erase` and `audit`: a customer's rights, and that the trail holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sered.cli import options
from sered.cli.central_options import Config, opened
from sered.errors import ConfigError

_Number = Annotated[str, typer.Argument(metavar="NUMBER", help="Of the customer, +49 30 1234567.")]


def add_to(app: typer.Typer) -> None:
    """Put the commands into `sered central`."""
    app.command()(access)
    app.command()(erase)
    app.command()(audit)


def access(
    number: _Number,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to, as JSON.")],
    config: Config = None,
) -> None:
    """Write everything that is known by a customer's number: what an access request asks for.

    Example: sered central access '+49 30 1234567' --out customer.json
    """
    from sered.central import rights

    with opened(config) as central:
        told = rights.access(central, number)
    try:
        out.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        msg = f"{out}: cannot be written ({error.strerror}). Name a file of yours with --out."
        raise ConfigError(msg) from None
    typer.echo(f"{len(told['calls'])} call(s) and {len(told['telephone_records'])} record(s).")


def erase(number: _Number, config: Config = None, as_json: options.Json = False) -> None:
    """Erase a customer's number everywhere, with notes and reports of her calls, and prove it.

    Example: sered central erase '+49 30 1234567'
    """
    from sered.central import rights

    with opened(config) as central:
        proof = rights.erase(central, number)
    if as_json:
        options.print_json({"deleted": proof.deleted, "left": proof.left, "trail": proof.seq,
                            "hash": proof.hash})  # fmt: skip
        return
    said = ", ".join(f"{count} {kind}" for kind, count in proof.deleted.items())
    typer.echo(f"Deleted: {said}. Left: {proof.left}.")
    typer.echo(f"Row {proof.seq} of the audit trail says so: {proof.hash}")


def audit(config: Config = None) -> None:
    """Verify the audit trail; ends with 1 and names each place where the chain does not hold.

    Example: sered central audit
    """
    from sqlalchemy import func, select

    from sered.central import audit as trail
    from sered.central.store.tables import audit as rows

    with opened(config) as central, central.store.reading() as connection:
        count = connection.scalar(select(func.count()).select_from(rows))
        faults = list(trail.faults(connection))
    for fault in faults:
        typer.echo(fault, err=True)
    typer.echo(f"{count} rows: " + (f"{len(faults)} fault(s)." if faults else "the chain holds."))
    raise typer.Exit(1 if faults else 0)
