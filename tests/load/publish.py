"""Publishes simulated calls at a pace until its input ends; writes when each was handed over."""

from __future__ import annotations

import select
import sys
import time
from pathlib import Path

from sered.central.settings import SourceSettings
from sered.central.simulate import messages, play, truth
from sered.contract import topics
from sered.errors import BrokerError


def main(port: int, a_second: float, seconds: float, out: Path, escalating: float) -> None:
    """Prepare, say that it is ready, publish, write lines of call, time and whether it escalates.

    A broker that is killed is connected to again: what it had not acknowledged is sent again, as
    boxes do from their spool.
    """
    desks = tuple(
        truth.Desk(f"site{n % 800}", f"desk{n}", "line1", str(n), "") for n in range(5000)
    )
    fleet = play.Fleet(SourceSettings(host="127.0.0.1", port=port), desks, f"load-{time.time()}")
    source = play.calls_now(desks, seed=int(time.time()), escalating=escalating)
    ready = []
    for call in (next(source) for _ in range(int(a_second * seconds))):
        body = messages.report(call).model_dump_json(by_alias=True).encode()
        where = topics.topic("sered", call.desk.site, call.desk.device, "calls")
        alert = None
        if call.escalate:
            alert = messages.alert(call, "confirmed").model_dump_json(by_alias=True).encode()
        ready.append((call.call_id, where, body, alert))
    print("ready", flush=True)
    begin, told = time.time() + 0.2, []
    for number, (call_id, where, body, alert) in enumerate(ready):
        ahead = begin + number / a_second - time.time()
        if ahead > 0:
            time.sleep(ahead)
        if number % 10 == 0 and _told_to_stop():
            break
        told.append(f"{call_id} {time.time():.4f} {int(alert is not None)}\n")
        if alert is not None:
            fleet.send(where.replace("/calls", "/alerts"), alert)
        fleet.send(where, body)
    fleet.settle(within_s=120.0)
    fleet.close()
    out.write_text("".join(told))
    print(f"published {len(told)} in {time.time() - begin:.1f} s", flush=True)


def _told_to_stop() -> bool:
    # an input that was closed is always readable, and says nothing
    return bool(select.select([sys.stdin], [], [], 0)[0]) and bool(sys.stdin.readline())


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]),
             float(sys.argv[5]))  # fmt: skip
    except BrokerError as error:
        sys.exit(str(error))
