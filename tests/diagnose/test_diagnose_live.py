"""The level meter and the walk through a call, on sound that goes through real ears."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import sered
from message_makers import status
from pulse_lines import Desk
from sered.box import snapshot
from sered.contract.messages import LineStatus
from sered.diagnose.live import handset, meter, overhear
from sered.diagnose.live.overhear import Look
from sered.diagnose.model import Mark, Result
from sered.errors import AudioError, SeredError
from sered.hearing.ears import Ears
from sered.records import FRAME, RATE_HZ, AudioFrame, Side, State
from sered.settings import LineSettings, Settings
from sered.tap.recording import Recording
from sered.testing import sounds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from project import Ended

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clock")]


DEMO = Path(sered.__file__).parent / "demo/call.wav"
BOTH = (Side.CUSTOMER, Side.AGENT)


def voice() -> NDArray[Any]:
    """Some seconds of the demo call's agent."""
    frames = Recording(DEMO, {Side.AGENT: 1}).frames()
    pcm = np.concatenate([frame.pcm[Side.AGENT] for frame in frames])
    return pcm[round(12.6 * RATE_HZ) : round(18.6 * RATE_HZ)].astype(np.float32)


def quiet(seconds: float) -> NDArray[Any]:
    return np.random.default_rng(5).normal(0, 4, round(seconds * RATE_HZ)).astype(np.float32)


def tone(state: State, seconds: float) -> NDArray[Any]:
    return sounds.progress_tone("na", state, seconds) * 3_000


def call(*parts: tuple[Side | None, NDArray[Any]], sides: Sequence[Side] = BOTH) -> NDArray[Any]:
    """(n, sides) int16: parts one after the other, each on a side of its own; None: nobody's."""
    columns: list[NDArray[Any]] = []
    for where, sound in parts:
        columns.append(
            np.stack(
                [quiet(len(sound) / RATE_HZ) + (sound if side is where else 0) for side in sides],
                axis=1,
            )
        )
    levelled: NDArray[Any] = np.clip(np.concatenate(columns), -32_768, 32_767).astype(np.int16)
    return levelled


class Played:
    """A line whose time is the sound's own: `sleep` plays, `look` tells what the ears heard."""

    def __init__(self, pcm: NDArray[Any], sides: Sequence[Side] = BOTH) -> None:
        self._sides, self._pcm, self._at = sides, pcm, 0
        self._ears = Ears(sides)
        self._blocks = {str(side): Counter[str]() for side in sides}
        self._now = 0.0

    def clock(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds
        while self._at + FRAME <= min(self._now * RATE_HZ, len(self._pcm)):
            piece = self._pcm[self._at : self._at + FRAME]
            pcm = {side: piece[:, n] for n, side in enumerate(self._sides)}
            for heard in self._ears.feed(AudioFrame(self._at, pcm)):
                for side, state in heard.states.items():
                    self._blocks[str(side)][str(state)] += 1
            self._at += FRAME

    def look(self) -> Look:
        return Look({}, {side: dict(counts) for side, counts in self._blocks.items()})

    def close(self) -> None:
        """Nothing to close."""


def walk(pcm: NDArray[Any], sides: Sequence[Side] = BOTH) -> dict[str, Result]:
    line = Played(pcm, sides)
    asked: list[str] = []
    found = handset.walk("front", sides, line, asked.append, clock=line.clock, sleep=line.sleep)
    results = {result.check.id.partition(".")[2]: result for result in found}
    assert len(asked) == len(handset.STEPS)
    return results


LIFT = (Side.CUSTOMER, tone(State.DIAL, 3.0))
KEY = (Side.CUSTOMER, sounds.dtmf("1", on_s=0.4) * 3_000)
SPEAK = (Side.AGENT, voice())
REST = (None, quiet(4.0))


def test_a_call_as_it_should_be_passes_each_step() -> None:
    """Dial tone, key, voice and hang-up are heard where they belong."""
    results = walk(call(REST, LIFT, KEY, SPEAK, REST))
    assert {name: result.mark for name, result in results.items()} == dict.fromkeys(
        ("lift", "key", "voice", "hang_up"), Mark.OK
    )
    assert results["lift"].found == "dial tone on the customer's side"
    assert results["voice"].found == "your voice on the agent's side"


def test_swapped_channels_are_told_by_tone_and_by_voice() -> None:
    """A dial tone on the agent's side, or a voice on the customer's, says to exchange them."""
    swapped = call(REST, (Side.AGENT, LIFT[1]), KEY, (Side.CUSTOMER, SPEAK[1]), (None, quiet(14.0)))
    results = walk(swapped)
    for name in ("lift", "voice"):
        assert (results[name].mark, results[name].fault) == (Mark.FAIL, "swapped")
        assert "Exchange the two in [[line]] sides" in results[name].hint


def test_a_tap_on_no_line_hears_nothing_of_the_phone() -> None:
    """Where no step is heard, every step says so and points at the wiring."""
    results = walk(call((None, quiet(60.0))))
    assert (results["lift"].fault, results["key"].fault) == ("nothing", "no_key")
    assert results["voice"].fault == "no_voice"
    assert "docs/wiring.md" in results["lift"].hint


def test_another_tone_than_the_dial_tone_is_told() -> None:
    """A busy tone in place of the dial tone is told apart from silence."""
    busy = (Side.CUSTOMER, tone(State.BUSY, 24.0))
    assert walk(call(busy, (None, quiet(40.0))))["lift"].fault == "other_tone"


def test_a_handset_that_is_not_hung_up_is_told() -> None:
    """The exchange complains for as long as nobody hangs up."""
    late = (Side.CUSTOMER, tone(State.BUSY, 25.0))
    results = walk(call(LIFT, KEY, SPEAK, late))
    assert (results["hang_up"].mark, results["hang_up"].fault) == (Mark.FAIL, "not_quiet")


def test_on_a_mixed_line_the_voice_is_looked_for_on_the_one_channel() -> None:
    """A line with one channel for both passes the walk."""
    one = (Side.MIXED,)
    parts = [(Side.MIXED if where else None, sound) for where, sound in (REST, LIFT, KEY, SPEAK)]
    results = walk(call(*parts, REST, sides=one), one)
    assert {result.mark for result in results.values()} == {Mark.OK}


def test_a_customer_channel_that_carries_the_agent_is_told() -> None:
    """The agent's voice on the customer's only channel is called a leak."""
    one = (Side.CUSTOMER,)
    parts = [(Side.CUSTOMER if where else None, sound) for where, sound in (REST, LIFT, KEY, SPEAK)]
    results = walk(call(*parts, REST, sides=one), one)
    assert results["voice"].fault == "leaks"


def rows(width: int, level: float | None = -30.0, **look: Any) -> list[str]:
    came = {"customer": Counter({"v": 20, ".": 60}), "agent": Counter({".": 80})}
    now = Look({"customer": level, "agent": -66.0}, **look)
    return [row.plain for row in meter.rows("front", now, came, ("customer", "agent"), width)]


def test_the_meter_shows_levels_marks_and_what_each_side_carries() -> None:
    """One row a side: bar, marks, dBFS, and what is heard."""
    assert rows(60) == [
        "front",
        "customer [##############-------|---] -30 dBFS speech",
        "agent    [#--------|-----------|---] -66 dBFS quiet",
    ]


@pytest.mark.parametrize("width", [28, 40, 80, 120])
def test_the_meter_fits_the_terminal(width: int) -> None:
    """At any width rows stay inside the terminal and keep their figures."""
    assert max(map(len, rows(width))) <= width
    assert all("dBFS" in row for row in rows(width)[1:])


def test_the_meter_says_why_there_is_no_sound() -> None:
    """Without sound the tap's own sentence stands beside the line's name."""
    shown = rows(80, level=None, trouble="No card usb:0d8c:0014.")
    assert shown[0] == "front  No card usb:0d8c:0014."
    assert "no sound" in shown[1]


@pytest.mark.parametrize(("level", "style"), [(-30.0, "green"), (-8.0, "yellow"), (-1.0, "red")])
def test_the_meters_colour_warns_of_loud_and_clipping(level: float, style: str) -> None:
    """Green, yellow and red stand for well, loud and clipping."""
    assert style in {span.style for span in meter.bar(level, 40).spans}


def test_of_several_lines_one_must_be_named() -> None:
    """With two lines, --line is asked for with the names that there are."""
    settings = Settings.model_validate({"line": [{"name": "front"}, {"name": "back"}]})
    assert overhear.choose(settings.line, "back").name == "back"
    for name in (None, "side"):
        with pytest.raises(SeredError, match="--line NAME; known: front, back"):
            overhear.choose(settings.line, name)


def test_beside_the_running_service_its_word_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the service has the card, its snapshots tell what each side carries."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))

    def tell(blocks: int, at: float) -> None:
        said = status(lines=[LineStatus(line="front", reasons=(), text=".")])
        state = snapshot.SideState(level_db=-40.0, blocks={"d": blocks})
        snapshot.write(
            tmp_path,
            snapshot.Snapshot(
                pid=os.getpid(),
                at=at,
                broker="",
                status=said,
                health=None,
                sides={"front": {"customer": state}},
            ),
        )

    line = LineSettings.model_validate({"name": "front"})
    ears = overhear.follow(line, service_runs=True)
    tell(5, time.monotonic())
    before = ears.look()
    assert before.levels_db == {"customer": -40.0}
    tell(12, time.monotonic())
    assert ears.look().since(before) == {"customer": Counter({"d": 7})}
    tell(12, time.monotonic() - 60)
    assert "service has stopped" in ears.look().trouble


def test_a_line_without_sound_is_not_walked_through() -> None:
    """A line whose card is missing ends the walk with the card's name."""
    line = LineSettings.model_validate({"card": "card:Nowhere"})
    ears = overhear.follow(line, service_runs=False)
    try:
        with pytest.raises(AudioError, match="No card card:Nowhere"):
            overhear.wait_for_sound(ears, 0.5)
    finally:
        ears.close()


def test_the_walk_and_the_meter_work_on_a_real_tap() -> None:
    """Through PulseAudio, ALSA, PortAudio and the installed commands, side by side on one card."""
    folder = Path(tempfile.mkdtemp(prefix="sered-walk-"))
    desk = Desk(folder / "d", ("front",), environment={})
    config = folder / "sered.toml"
    config.write_text('[[line]]\nname = "front"\ncard = "pcm:tap_front"\n')
    environment = os.environ | desk.environment | {"COLUMNS": "80"}
    command = [sys.executable, "-m", "sered", "diagnose", "--config", str(config)]
    try:
        desk.plug("front")
        speak = (Side.AGENT, SPEAK[1][: 3 * RATE_HZ])
        parts = [(None, quiet(1.0)), LIFT, KEY, speak, (None, quiet(6.0))]
        pcm = call(*parts, sides=(Side.AGENT, Side.CUSTOMER))
        with subprocess.Popen(
            [*command, "--lift-handset", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        ) as walking:
            assert walking.stderr
            line = walking.stderr.readline()
            assert line.startswith("Line front."), line + walking.stderr.read()
            desk.play(pcm, "front")
            meter_done = subprocess.run(
                [*command, "--watch", "--seconds", "3"],
                capture_output=True,
                text=True,
                check=True,
                env=environment,
            )
            out, err = walking.communicate(timeout=60)
        document = json.loads(out)
        marks = {one["id"]: (one["mark"], one["found"]) for one in document["checks"]}
        assert marks["handset.lift"] == ("ok", "dial tone on the customer's side")
        assert marks["handset.voice"] == ("ok", "your voice on the agent's side")
        assert document["healthy"], marks
        assert walking.returncode == 0
        assert "> Hang up." in err
        assert "customer [" in meter_done.stdout
        assert max(map(len, meter_done.stdout.splitlines())) <= 80
    finally:
        desk.close()
        shutil.rmtree(folder)


def test_the_watch_ends_by_itself_and_without_a_card_says_why(
    sered: Callable[..., Ended], tmp_path: Path
) -> None:
    """--watch --seconds 1 ends with status 0 and tells which card is missing."""
    config = tmp_path / "sered.toml"
    config.write_text('[[line]]\nname = "front"\ncard = "card:Nowhere"\n')
    ended = sered("diagnose", "--config", config, "--watch", "--seconds", 1)
    assert ended.status == 0
    assert "No card card:Nowhere" in ended.out
