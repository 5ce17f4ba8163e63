"""What the box says of itself, out of made-up parts: no thread, no card, no broker."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from sered.box import snapshot, vitals
from sered.box.load import Load
from sered.box.vitals import BoxVitals, LineVitals
from sered.contract.call import Versions
from sered.contract.topics import Box
from sered.records import Side, State
from sered.tap.state import TapState

HEARS = TapState(
    sentence="hears C-Media at 48000 Hz.",
    alive=True,
    frames=12,
    lost_samples=8_000,
    restarts=2,
    drift_ppm=-12.5,
    levels_db={Side.CUSTOMER: -31.0, Side.AGENT: -40.0},
)
GONE = replace(HEARS, reasons=("unplugged", "hum"), sentence="Plug it in.", levels_db={})
BOX = Box("oslo", "desk4")
VERSIONS = Versions(sered="1", emotion_model=None, vosk_model=None, lexicon=None, calibration=None)


def test_a_box_without_a_fault_is_online_and_says_nothing() -> None:
    """`online` has neither reason nor text, but every line's own sentence."""
    found = vitals.status(BOX, [LineVitals("front", HEARS), LineVitals("tape", None)], [])
    assert (found.state, found.reasons, found.text) == ("online", (), "")
    assert [each.text for each in found.lines] == [HEARS.sentence, "plays a recording"]


def test_a_degraded_box_names_every_reason_once_and_every_line_that_has_one() -> None:
    """The box's own faults come first; a line without a fault is not spoken of."""
    lines = [LineVitals("front", GONE), LineVitals("back", GONE), LineVitals("side", HEARS)]
    found = vitals.status(BOX, lines, [("full", "The disk is full."), ("hum", "Everything hums.")])
    assert found.state == "degraded"
    assert found.reasons == ("full", "hum", "unplugged")
    assert found.text == "The disk is full. Everything hums. front: Plug it in. back: Plug it in."


def test_systemd_reads_one_sentence() -> None:
    """State, lines, calls that run, the broker and what waits for it, then what is wrong."""
    lines = [LineVitals("front", GONE, in_call=True), LineVitals("back", HEARS)]
    said = vitals.sentence(vitals.status(BOX, lines, []), lines, "connected to b", 3)
    assert said == (
        "degraded: 2 line(s), 1 in a call; connected to b; 3 waiting. front: Plug it in."
    )


def test_health_has_the_figures_of_the_box_and_of_every_line() -> None:
    """Lost samples are seconds, the loudest side is the level; a recording has no card."""
    until = datetime(2028, 3, 4, tzinfo=UTC)
    now = datetime(2026, 1, 2, tzinfo=UTC)
    box = BoxVitals(now, True, 7.24, Load(0.25, 80.5, None), 3, 1, until, VERSIONS)
    front = LineVitals("front", HEARS, in_call=True, calls=4, frames=99, rtf=0.031)
    ill = vitals.status(BOX, [front], [("full", "The disk is full.")])
    found = vitals.health(ill, box, [front, LineVitals("tape", None)])
    assert (found.site, found.device) == ("oslo", "desk4")
    assert (found.state, found.reasons) == ("degraded", ("full",))
    assert (found.uptime_s, found.spool_depth, found.spool_dropped) == (7.2, 3, 1)
    assert (found.cpu, found.rss_mb, found.temperature_c) == (0.25, 80.5, None)
    assert found.certificate_until == until
    line, tape = found.lines
    assert (line.in_call, line.calls, line.frames, line.rtf) == (True, 4, 99, 0.031)
    assert (line.lost_s, line.level_db, line.drift_ppm, line.restarts) == (0.5, -31.0, -12.5, 2)
    assert (tape.lost_s, tape.level_db, tape.drift_ppm, tape.restarts) == (0.0, None, None, 0)


def test_the_watchdog_is_fed_only_when_every_line_got_on() -> None:
    """Frames or an honest look for the card count; one line that stands still is enough to wait."""
    before = vitals.progress([LineVitals("a", HEARS, frames=5), LineVitals("b", GONE)])
    looked = LineVitals("b", replace(GONE, steps=1))
    stuck = vitals.progress([LineVitals("a", HEARS, frames=5), looked])
    moved = vitals.progress([LineVitals("a", HEARS, frames=6), looked])
    assert not vitals.advanced(stuck, before)
    assert vitals.advanced(moved, before)
    assert vitals.advanced(before, {})


def test_the_snapshot_counts_what_each_side_carries() -> None:
    """Blocks by state and the level just now; a side without a level has None."""
    heard = {Side.CUSTOMER: {State.SPEECH: 7}, Side.AGENT: {State.SILENCE: 9}}
    found = snapshot.sides(LineVitals("front", GONE, heard=heard))
    assert found["customer"].blocks == {"v": 7}
    assert found["agent"].level_db is None
    assert snapshot.sides(LineVitals("front", HEARS, heard=heard))["customer"].level_db == -31.0
