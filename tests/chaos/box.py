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
            silence_s=10,
            hold_s=0,
            longest_silence_s=2,
            interruptions=1,
        ),
        worst=None,
        utterances=(),
        quality=Quality(lost_s=0, clipping=0, snr_db=20, notes=()),
        versions=Versions(sered="0", emotion_model=None, vosk_model=None, lexicon=None),
        transcript="x" * die.randrange(3000),
    )


def put(spool: Spool, number: int, incarnation: int = 0) -> bool:
    """End one call; every third has an alert before it."""
    verdict = report(number, incarnation)
    key, line = verdict.call_id, verdict.line
    if number % 3 == 0:
        alert = b'{"call_id":"%s","state":"confirmed","by":%d}' % (key.encode(), incarnation)
        spool.put("alerts", alert, key=f"{key}/confirmed", line=line)
    return spool.put("calls", encode(verdict), key=key, line=line)


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
    given = parser.parse_args()
    spool = Spool(SpoolSettings(path=given.spool))
    mqtt = MqttSettings(
        host="127.0.0.1", port=given.port or 1, await_subscriber=given.await_subscriber
    )
    publisher = MqttPublisher(mqtt, SITE, DEVICE, spool, delays_s=DELAYS_S)
    if given.port:
        publisher.start()
    for number in range(given.first, given.first + given.count):
        if put(spool, number, given.incarnation):
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
