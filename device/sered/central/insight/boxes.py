"""Boxes: their technical state, versions and drift; never what their calls were like."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from sered.central.cases.around import SILENT_AFTER
from sered.central.insight.answers import Answer, Figures
from sered.central.insight.rings import rings
from sered.central.insight.told import OTHERS, VERSION
from sered.central.store.tables import device, line_map, told_day

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import Connection

    from sered.central.context import Central

DAYS = 14
_OF_RINGS = (
    "Of rings: intervals take calls as independent of each other. Central advises and changes no "
    "box."
)


def boxes(central: Central) -> Answer:
    """The inventory, and how versions compare in what can be measured without judging calls."""
    now = central.now()
    with central.store.reading() as connection:
        found = connection.execute(select(device).order_by(device.c.site, device.c.device)).all()
        known = {(row.site, row.device) for row in found}
        expected = connection.execute(select(line_map.c.site, line_map.c.device).distinct()).all()
        versions = _versions(connection, (now - timedelta(days=DAYS)).date())
    never = sorted({(row.site, row.device) for row in expected} - known)
    rows: list[tuple[str | int | float | None, ...]] = []
    states: Counter[str] = Counter()
    for row in found:
        silent = now - row.last_seen > SILENT_AFTER
        state = "silent" if silent else row.state
        states[state] += 1
        rows.append(
            (
                row.site, row.device, state, " ".join(row.reasons), f"{row.last_seen:%m-%d %H:%M}",
                (row.versions or {}).get("sered"), row.spool_depth, row.spool_dropped, row.lost_s,
                row.rtf, row.temperature_c, "yes" if row.clock_synced else "no",
                f"{row.certificate_until:%Y-%m-%d}" if row.certificate_until else "",
            )
        )  # fmt: skip
    rows += [(site, name, "never connected", *[""] * 10) for site, name in never]
    columns = (
        "site", "box", "state", "reasons", "last heard", "version", "spool", "dropped", "lost s",
        "RTF", "°C", "clock", "certificate until",
    )  # fmt: skip
    said = ", ".join(f"{n} {state}" for state, n in sorted(states.items())) or "none yet"
    boxes = "1 box" if len(found) == 1 else f"{len(found)} boxes"
    lead = f"{boxes}: {said}; {len(never)} never connected."
    drift = (
        "calls", "undetermined", "mean score", "recogniser's confidence", "signal to noise dB",
        "lost s an hour",
    )  # fmt: skip
    advised = tuple(
        (one.name, one.version, said.word, reason)
        for one, said in rings(central)
        for reason in said.reasons
    )
    watched = (Figures("Rings", ("ring", "version", "advice", "why"), advised),) if advised else ()
    return Answer(
        "boxes",
        "How are the boxes?",
        lead,
        (
            Figures("Inventory", columns, tuple(rows)),
            Figures(f"Versions, {DAYS} days", ("version", *drift), tuple(versions)),
            *watched,
        ),
        (),
        (
            "A box's calls are never counted here: a desk is a person. Versions are those of days"
            f" that are over; what fewer than five desks had is with “{OTHERS}”.",
            *((_OF_RINGS,) if watched else ()),
        ),
    )


def _versions(connection: Connection, since: date) -> list[tuple[str | int | float | None, ...]]:
    sums = {name: func.sum(told_day.c[name]).label(name) for name in (
        "calls", "undetermined", "score_n", "score_sum", "heard", "asr_sum", "snr_n", "snr_sum",
        "lost_s", "duration_s",
    )}  # fmt: skip
    query = (
        select(told_day.c.name, *sums.values())
        .where(told_day.c.kind == VERSION, told_day.c.day >= since)
        .group_by(told_day.c.name)
        .order_by(told_day.c.name)
    )

    def mean(total: float, n: int) -> float | None:
        return round(total / n, 3) if n else None

    return [
        (
            row.name, int(row.calls), f"{row.undetermined / row.calls:.0%}".replace("%", " %"),
            mean(row.score_sum, row.score_n), mean(row.asr_sum, row.heard),
            mean(row.snr_sum, row.snr_n), mean(row.lost_s * 3600, row.duration_s),
        )
        for row in connection.execute(query)
    ]  # fmt: skip
