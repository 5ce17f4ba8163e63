"""A box to be killed: the real spool and publisher in a process, with a call every few ms."""

from __future__ import annotations

import argparse
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sered.contract.call import Quality, Sentiment, TalkTimes, Versions
from sered.contract.messages import CallReport, encode
from sered.delivery.mqtt_publisher import MqttPublisher
from sered.delivery.spool import Spool
from sered.delivery.spool_row import Draft
from sered.records import EndReason
from sered.settings import MqttSettings, SpoolSettings

LINES = ("line1", "line2", "line3")
SITE, DEVICE = "site", "box"
DELAYS_S = (0.05, 0.5)


def report(number: int, incarnation: int = 0) -> CallReport:
    """A whole report; the incarnation makes it differ should a number ever be judged twice."""
    die = random.Random(number * 1000 + incarnation)
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    return CallReport(
        call_id=f"call-{number:07d}",
        site=SITE,
        device=DEVICE,
        line=LINES[number % len(LINES)],
        started_at=start,
        ended_at=start + timedelta(seconds=60),
        duration_s=60.0,
        clock_synced=True,
        end_reason=EndReason.SILENCE,
        mode="both",
        mixed=False,
        sentiment=Sentiment(
            category="negative",
            score=round(-die.random(), 4),
            confidence=round(die.random(), 4),
            p_negative=round(die.random(), 4),
            undetermined=None,
            escalate=True,
            causes=(),
        ),
        acoustic=None,
        verbal=None,
        trend=None,
        talk=TalkTimes(
            customer_s=30,
            agent_s=20,
            mixed_s=0,
            recorded_s=0.0,
            silence_s=10,
            hold_s=0,
            longest_silence_s=2,
            interruptions=1,
        ),
        worst=None,
        utterances=(),
        quality=Quality(lost_s=0, clipping=0, snr_db=20, notes=()),
        versions=Versions(
            sered="0", emotion_model=None, vosk_model=None, lexicon=None, calibration=None
        ),
        transcript="x" * die.randrange(3000),
    )


def alarms(call_id: str) -> bool:
    """Whether a call's end has an alert beside its report: every third has."""
    return int(call_id.removeprefix("call-")) % 3 == 0


def put(spool: Spool, number: int, incarnation: int = 0, *, apart: bool = False) -> bool:
    """End one call; `apart`: its report and its alert in two steps, as it must not be."""
    verdict = report(number, incarnation)
    key, line = verdict.call_id, verdict.line
    drafts = [Draft("calls", key, line, encode(verdict))]
    if alarms(key):
        alert = b'{"call_id":"%s","state":"confirmed","by":%d}' % (key.encode(), incarnation)
        drafts.append(Draft("alerts", f"{key}/confirmed", line, alert))
    if apart:
        return [spool.put_all([each]) for each in drafts][-1]
    return spool.put_all(drafts)


def main() -> None:
    """Put calls from `first` on, and say each number once put() has returned."""
    parser = argparse.ArgumentParser()
    parser.add_argument("spool", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("first", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--incarnation", type=int, default=0)
    parser.add_argument("--pause", type=float, default=0.002)
    parser.add_argument("--await-subscriber", action="store_true")
    parser.add_argument("--apart", action="store_true")
    parser.add_argument("--certificates", type=Path)
    given = parser.parse_args()
    spool = Spool(SpoolSettings(path=given.spool))
    mqtt = MqttSettings(
        host="127.0.0.1", port=given.port or 1, await_subscriber=given.await_subscriber
    )
    if made := given.certificates:
        secure = {"tls": True, "ca": made / "ca.crt"}
        secure |= {"cert": made / f"{SITE}.{DEVICE}.crt", "key": made / f"{SITE}.{DEVICE}.key"}
        mqtt = mqtt.model_copy(update=secure)
    publisher = MqttPublisher(mqtt, SITE, DEVICE, spool, delays_s=DELAYS_S)
    if given.port:
        publisher.start()
    for number in range(given.first, given.first + given.count):
        if put(spool, number, given.incarnation, apart=given.apart):
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
        publisher.wake()
        time.sleep(given.pause)
    while given.port and spool.depth:
        time.sleep(0.01)
    publisher.stop(2.0)
    spool.close()


if __name__ == "__main__":
    main()
