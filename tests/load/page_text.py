"""The page of central's measured figures, from the figures."""

from __future__ import annotations

from typing import Any

HEAD = """# What central reaches

Measured by `make load-central` ({machine}): Mosquitto, database, central and the boxes' publisher
on the same cores. PostgreSQL and SQLite write through to the disk at every COMMIT. `load` is how
many programs wanted the processor before a row and after it (what is measured among them after
it): beyond the number of cores they make the times longer. Times are seen from outside: a call
counts when a reader of the database sees it.
"""


def of(known: dict[str, Any]) -> str:
    """The whole page; rows that were not measured are not there."""
    machine = next(iter(known.values()))[0]["machine"]
    parts = [HEAD.format(machine=machine)]
    for name, make in _PARTS.items():
        if name in known:
            parts.append(make(known[name]))
            parts.append(_measured(known[name]))
    return "\n".join(parts)


def _measured(rows: list[dict[str, Any]]) -> str:
    """When each store was measured, and how busy the machine was."""
    told: dict[str, tuple[str, list[float]]] = {}
    for row in rows:
        at, load = told.get(row["store"], ("", []))
        told[row["store"]] = max(at, row["at"]), load + row["load"]
    said = [
        f"{store} {at} UTC, load {min(load)} to {max(load)}".strip()
        for store, (at, load) in told.items()
    ]
    return "Measured: " + "; ".join(said) + ".\n"


def _table(heading: list[str], rows: list[list[Any]]) -> str:
    lines = ["| " + " | ".join(heading) + " |", "|" + "---|" * len(heading)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _rates(rows: list[dict[str, Any]]) -> str:
    return "## Broker to COMMIT\nReach: 500 calls/s for 60 s, 0 lost, 0 twice, p99 within 1 s; " \
        "memory within 150 MB idle, 300 MB busy. Mosquitto saves once a minute here: with " \
        "`autosave_on_changes true`, as docs/mqtt/mosquitto.conf has it so that a killed broker " \
        "loses nothing, Mosquitto 2.0 itself does not take 500 a second; it hands on without " \
        "a limit (`max_inflight_messages 0`).\n\n" + _table(
        ["store", "calls/s", "sent", "lost", "twice", "cases (wanted)", "p50", "p99", "worst",
         "central's cores", "memory idle / busy"],
        [
            [r["store"], f"{r['a_second']:.0f}", r["sent"], r["lost"], r["twice"],
             f"{r['cases']} ({r['cases_wanted']})", f"{r['p50_ms']:.0f} ms",
             f"{r['p99_ms']:.0f} ms{' (missed)' if r['p99_ms'] > 1000 else ''}",
             f"{r['worst_ms']:.0f} ms", f"{r['central_cores']:.2f}",
             f"{r['idle_mb']:.0f} / {r['busy_mb']:.0f} MB"]
            for r in rows
        ],
    )  # fmt: skip


def _healths(rows: list[dict[str, Any]]) -> str:
    return (
        "## Health of very many boxes\nReach: what 100,000 boxes say once a minute, 1,667 a "
        "second, is taken in as it comes, and a box is written once in five minutes (a change of "
        "its state at once). A tenth of the boxes say it here, each ten times as often. Mosquitto "
        "as above.\n\n"
    ) + _table(
        ["store", "`health` a second", "boxes", "sent", "boxes in the store", "writes",
         "central's cores", "at rest after the last"],
        [
            [r["store"], f"{r['a_second']:.0f}", r["boxes"], r["sent"], r["known"], r["writes"],
             f"{r['central_cores']:.2f}", f"{r['behind_s']:.1f} s"]
            for r in rows
        ],
    )  # fmt: skip


def _answers(rows: list[dict[str, Any]]) -> str:
    return (
        "## Alert to case and notification\nReach: p50 within 1 s, p99 within 3 s from the box's "
        "alert to the first notification handed over (a signed webhook).\n\n"
    ) + _table(
        ["store", "alerts", "case p50", "case p99", "notification p50", "notification p99"],
        [
            [r["store"], r["alerts"], *(f"{r[k]:.0f} ms" for k in (
                "case_p50_ms", "case_p99_ms", "told_p50_ms", "told_p99_ms"))]
            for r in rows
        ],
    )  # fmt: skip


def _watchings(rows: list[dict[str, Any]]) -> str:
    return (
        "## Alert to the screen\nReach: p99 within 2 s from the publishing of an alert until its "
        "case stands in Chromium, with 50 watching. Some are pages of a real Chromium; the others "
        "are HTTP clients with a stream each, which fetch the queue at each change as the page's "
        "script does. All on the same cores.\n\n"
    ) + _table(
        ["store", "watching (in Chromium)", "alerts", "not seen", "p50", "p99", "worst"],
        [
            [r["store"], f"{r['watching']} ({r['pages']})", r["alerts"], r["unseen"],
             f"{r['p50_ms']:.0f} ms", f"{r['p99_ms']:.0f} ms{' (missed)' * (r['p99_ms'] > 2000)}",
             f"{r['worst_ms']:.0f} ms"]
            for r in rows
        ],
    )  # fmt: skip


def _kills(rows: list[dict[str, Any]]) -> str:
    return (
        "## Killed at random\nReach: 100 kills on each, 0 lost, each notification at least once, "
        "each case one. "
        "Calls come all the time, by a box's own spool and publisher; the killed part is started "
        "again at once. Mosquitto is as docs/mqtt/mosquitto.conf has it. Central is killed at any "
        "moment, after COMMIT before it acknowledged, and in a step of escalation before its "
        "notification is in the outbox.\n\n"
    ) + _table(
        ["store", "kills", "sent", "lost", "twice", "cases (wanted)", "cases twice",
         "never told", "told more than once"],
        [
            [r["store"], ", ".join(f"{n} {who}" for who, n in sorted(r["kills"].items())),
             r["sent"], r["lost"], r["twice"], f"{r['cases']} ({r['cases_wanted']})",
             r["cases_twice"], r["untold"], r["told_twice"]]
            for r in rows
        ],
    )  # fmt: skip


def _boards(rows: list[dict[str, Any]]) -> str:
    pages = [r for r in rows if "page_p95_ms" in r]
    claims = [r for r in rows if "winners" in r]
    return (
        "## The board, full\nReach: the page within 300 ms with 10,000 open cases over 1,000,000 "
        "calls; 200 winners when 8 people claim the same 200 cases.\n\n"
    ) + _table(
        ["store", "calls", "open cases", "page p50", "page p95", "its queue alone, p95"],
        [
            [r["store"], r["calls"], r["cases"], f"{r['page_p50_ms']:.0f} ms",
             f"{r['page_p95_ms']:.0f} ms{' (missed)' * (r['page_p95_ms'] > 300)}",
             f"{r['queue_p95_ms']:.0f} ms"]
            for r in pages
        ],
    ) + "\n" + _table(
        ["store", "people", "cases", "winners", "took"],
        [[r["store"], r["people"], r["cases"], r["winners"], f"{r['seconds']:.1f} s"]
         for r in claims],
    )  # fmt: skip


def _numbers(rows: list[dict[str, Any]]) -> str:
    return (
        "## Numbers to call back\nReach: no wrong automatic number in 10,000 simulated calls with "
        "clocks off by up to 60 s. 3 % of the exchange's records are missing, 2 % are doubled by a "
        "transfer, desks make calls that no box hears. The first calls of each box are listed "
        "until its clock is known.\n\n"
    ) + _table(
        ["clocks off by up to", "calls", "automatic", "listed", "wrong"],
        [
            [f"{r['off_by_s']:.0f} s", r["calls"],
             f"{r['automatic']} ({r['automatic'] / r['calls']:.0%})", r["listed"], r["wrong"]]
            for r in rows
        ],
    )  # fmt: skip


def _outages(rows: list[dict[str, Any]]) -> str:
    return (
        "## A store that takes nothing\nReach: nothing is acknowledged meanwhile, central says "
        "why, and all is there afterwards: counted until the last was published, too, while "
        "Mosquitto writes all that waits at every change. The full disk is a small file system in "
        "memory, filled to its last block.\n\n"
    ) + _table(
        ["store", "what", "for", "sent", "lost", "twice", "stored meanwhile", "said so",
         "an open board said so", "all stored after"],
        [
            [r["store"], r["what"], f"{r['seconds']:.0f} s", r["sent"], r["lost"], r["twice"],
             r["stored_meanwhile"], "yes" if r["said"] else "no",
             {True: "yes", False: "no", None: "not looked at"}[r.get("board_said")],
             f"{r['back_s']:.1f} s"]
            for r in rows
        ],
    )  # fmt: skip


def _boxes(rows: list[dict[str, Any]]) -> str:
    return (
        "## Ten thousand connections\nReach: the broker lives, and every box is back. Sockets that "
        "speak MQTT as a box does, all in one process on the broker's cores; the broker is killed, "
        "and started again after ten seconds. Mosquitto in clear (`make load-central`), one node "
        "of RabbitMQ with TLS and a certificate each (`make cluster-storm`).\n\n"
    ) + _table(
        ["broker", "boxes", "all there after", "broker's memory a box", "broker away for",
         "back after (half, 99 %, all)", "broker's cores meanwhile"],
        [
            [r.get("broker", "Mosquitto"), f"{r['boxes']:,}", f"{r['first_s']:.0f} s",
             f"{r['broker_kb']:.1f} kB", f"{r['down_s']:.0f} s",
             f"{r['back_p50_s']:.0f}, {r['back_p99_s']:.0f}, {r['back_all_s']:.0f} s",
             f"{r['broker_cores']:.2f}"]
            for r in sorted(rows, key=lambda r: (r.get("broker", ""), r["boxes"]))
        ],
    )  # fmt: skip


def _years(rows: list[dict[str, Any]]) -> str:
    return (
        "## Figures over 25 months\nReach: every page within 1 s (p95) over ten million calls in "
        "SQLite, from counts that were made anew from the rows (`sered central counts --rebuild`) "
        "and held against them; nobody who writes waits for the counting. The store does the "
        "counting, a day in a transaction: an end in the middle loses nothing, the next counting "
        "goes on there. Reports (`call_report`), which no page of figures reads, are left out.\n\n"
    ) + "\n".join(
        _table(
            ["calls", "cases", "store", "all counted anew (CPU)", "longest wait of another writer",
             "counting every minute", "all held against the rows", "wrong"],
            [[f"{r['calls']:,}", f"{r['cases']:,}", f"{r['store_gb']:.1f} GB",
              f"{r['counted_s']:.0f} s ({r['cpu_s']:.0f} s)", f"{r['waited_s']:.2f} s",
              f"{r['followed_s']:.2f} s", f"{r['checked_s']:.0f} s", r["wrong"]]],
        ) + "\n" + _table(
            ["page", "p95", "as CSV"],
            [[key, f"{ms:.0f} ms",
              f"{r['pages_p95_ms'][key + '.csv']:.0f} ms"
              if f"{key}.csv" in r["pages_p95_ms"] else ""]
             for key, ms in r["pages_p95_ms"].items() if not key.endswith(".csv")],
        )
        for r in rows
    )  # fmt: skip


_PARTS = {
    "rates": _rates,
    "healths": _healths,
    "answers": _answers,
    "watchings": _watchings,
    "kills": _kills,
    "outages": _outages,
    "boxes": _boxes,
    "boards": _boards,
    "numbers": _numbers,
    "years": _years,
}
