"""`sered diagnose --central`: the doctor's checks of a central, from its own words."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from sered.cli import options
from sered.errors import SeredError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sered.central.probes import Finding
    from sered.central.settings import CentralSettings
    from sered.diagnose.model import Check, Context, Group, Outcome

_INIT = "Run: sudo sered central init"
_REFUSED = {"refused": "Mend what it says, then ask again."}
"""The fault of every check whose question was answered by an error of ours."""


def examine(path: Path | None, *, as_json: bool) -> None:
    """Run all checks and print them; ends with 1 when something failed."""
    from sered.cli.diagnose import close, examined
    from sered.diagnose import report
    from sered.diagnose.model import Context

    console = None if as_json else options.console()
    began = time.monotonic()
    results = examined(groups(path), Context(None), console)
    took_s = time.monotonic() - began
    made = report.document(results, None, took_s, datetime.now(UTC))
    if console is not None:
        close(console, results, took_s)
    else:
        options.print_json(made.model_dump(mode="json", by_alias=True))
    if not made.healthy:
        raise typer.Exit(1)


def groups(path: Path | None) -> tuple[Group, ...]:
    """The checks of one central, in the order in which they build on each other."""
    from sered.diagnose.checks import system
    from sered.diagnose.model import Group

    clock = tuple(check for check in system.CHECKS if check.id == "system.clock")
    return (
        Group("system", "The machine", clock, lane="system"),
        Group("central", "Central", tuple(_checks(path)), lane="central"),
    )


def _checks(path: Path | None) -> list[Check]:
    from sered.central import probes

    def check(
        name: str,
        claim: str,
        why: str,
        run: Callable[[CentralSettings], Finding],
        *,
        failures: dict[str, str] | None = None,
        warnings: dict[str, str] | None = None,
        fatal: bool = False,
    ) -> Check:
        from sered.diagnose.model import Check

        return Check(
            f"central.{name}", claim, why, _asks(path, run), _REFUSED | (failures or {}),
            warnings or {}, deadline_s=12.0, fatal=fatal,
        )  # fmt: skip

    return [
        check(
            "key", "the configuration reads and has its key",
            "Without the key no number and no note can be read.",
            probes.key, fatal=True,
        ),
        check(
            "store", "the store answers and takes what is written",
            "Nothing is acknowledged to the broker before it is stored.",
            probes.store, fatal=True,
        ),
        check(
            "schema", "the store's tables are this version's",
            "Central does not begin on others.",
            probes.schema, failures={"other": f"{_INIT}"}, fatal=True,
        ),
        check(
            "disk", "the store has room to grow",
            "A full disk stops everything but loses nothing.",
            probes.disk,
            failures={"scarce": "Make room, or move the store: [store] url."},
            warnings={"elsewhere": "Watch the disk of the database server, too."},
        ),
        check(
            "broker", "the broker lets central listen",
            "What no session asks for, no broker keeps.",
            probes.broker,
            failures={"nobody": "Start one: systemctl start sered-central-ingest@1"},
            warnings={"away": "One node may be away; look at it before a second one is."},
        ),
        check(
            "certificates", "certificates hold for another month",
            "On the day after, nothing is heard any more.",
            probes.certificates,
            failures={"over": "Renew it: docs/mqtt/README.md."},
            warnings={
                "soon": "Renew it: docs/mqtt/README.md.",
                "none": "Fine for a broker on this machine; elsewhere set tls = true.",
            },
        ),
        check(
            "channels", "the ways to tell people are up",
            "A case that nobody hears of is called too late.",
            probes.channels,
            failures={"down": "See its reason on the board and press its test button."},
            warnings={"nobody": "Write [[team.step]] and [[channel]]: docs/central.md."},
        ),
        check(
            "backlog", "no notification waits",
            "What waits longer than some minutes will be late.",
            probes.backlog,
            failures={"stuck": "Is the service running? systemctl status sered-central"},
        ),
        check(
            "boxes", "boxes are heard of",
            "Silence of all boxes is the network or the broker, not peace.",
            probes.boxes,
            warnings={
                "none": "Do boxes publish to this broker, under this [source] base?",
                "quiet": "Look at the broker and at `sered diagnose` on a box.",
            },
        ),
        check(
            "quarantine", "boxes say nothing that cannot be used",
            "A box of another version or a stranger on the broker shows here first.",
            probes.quarantine,
            warnings={"some": "The board's page of channels and boxes tells what they were."},
        ),
    ]  # fmt: skip


def _asks(
    path: Path | None, run: Callable[[CentralSettings], Finding]
) -> Callable[[Context], Outcome]:
    from sered.diagnose.model import Outcome

    def ask(_: Context) -> Outcome:
        from sered.central import configuration

        try:
            found = run(configuration.load(path))
        except SeredError as error:
            return Outcome(str(error).splitlines()[0], "refused")
        return Outcome(found.found, found.fault)

    return ask
