"""The tap: real PulseAudio, ALSA and PortAudio; every line of one desk is sick in its own way."""

from __future__ import annotations

import functools
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from message_makers import status
from pulse_lines import Desk
from sered import config
from sered.box import snapshot
from sered.contract.messages import Health, LineHealth, LineStatus
from sered.diagnose import runner
from sered.diagnose.checks import service_user, tap
from sered.diagnose.model import Context, Mark, Result
from sered.records import RATE_HZ, Side
from sered.tap import cards
from sered.tap.live import LiveTap

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clock")]


Examine = Callable[..., dict[str, Result]]
Configured = Callable[..., Context]
SECONDS = 25


def dbfs(sound: NDArray[Any], level_db: float) -> NDArray[Any]:
    levelled: NDArray[Any] = sound / np.sqrt(np.mean(sound**2)) * 32_768 * 10 ** (level_db / 20)
    return levelled


def stereo(agent: NDArray[Any], customer: NDArray[Any]) -> NDArray[Any]:
    both = np.stack([agent, customer], axis=1)
    sound: NDArray[Any] = np.clip(np.rint(both), -32_768, 32_767).astype(np.int16)
    return sound


def desk_sounds() -> dict[str, NDArray[Any]]:
    """What each line carries, SECONDS long: agent left, customer right."""
    rng = np.random.default_rng(8)
    length = SECONDS * RATE_HZ
    noise = [dbfs(rng.normal(size=length), -70.0) for _ in range(2)]
    time = np.arange(length) / RATE_HZ
    dial = dbfs(np.sin(2 * np.pi * 350 * time) + np.sin(2 * np.pi * 440 * time), -20.0)
    loud = 3.0 * dbfs(np.sin(2 * np.pi * 300 * time) * (1.2 + np.sin(2 * np.pi * time)), -3.0)
    hum = dbfs(np.sin(2 * np.pi * 50 * time) + 0.4 * np.sin(2 * np.pi * 150 * time), -38.0)
    murmur = dbfs(rng.normal(size=length), -30.0)
    return {
        "healthy": stereo(noise[0], noise[1] + dial),
        "clipping": stereo(noise[0], loud),
        "humming": stereo(noise[0], noise[1] + hum),
        "swapped": stereo(noise[0] + dial, noise[1]),
        "mono": stereo(murmur, murmur),
        "offset": stereo(noise[0], noise[1] + 4_000),
    }


@pytest.fixture(scope="module")
def desk() -> Iterator[dict[str, Result]]:
    """One run of the doctor over a desk of eight lines, all at once."""
    folder = Path(tempfile.mkdtemp(prefix="sered-desk-"))
    lines = desk_sounds()
    names = (*lines, "silent")
    desk = Desk(folder / "d", names, environment={})
    try:
        with pytest.MonkeyPatch.context() as patch:
            for key, value in desk.environment.items():
                patch.setenv(key, value)
            for name in names:
                desk.plug(name)
            for name, sound in lines.items():
                desk.play(sound, name)
            asked = [{"name": name, "card": f"pcm:tap_{name}"} for name in names]
            asked.append({"name": "misspelt", "card": "pcm:tap_helthy"})
            settings = config.load(None, {"line": asked[:8]}, environ={})
            found = runner.run([tap.GROUP], Context(settings))
            yield {f"{result.check.id}/{result.line}": result for result in found}
    finally:
        desk.close()
        shutil.rmtree(folder)


Desked = dict[str, Result]


def test_a_healthy_line_passes_every_check_and_its_levels_are_told(desk: Desked) -> None:
    """Nothing is wrong with a good line; levels and floor are within a decibel."""
    mine = {key: result for key, result in desk.items() if key.endswith("/healthy")}
    assert {key: r.mark for key, r in mine.items()} == dict.fromkeys(mine, Mark.OK)
    level = mine["tap.level/healthy"].found
    assert "customer -20 dBFS" in level
    assert re.search(r"agent -7[01] dBFS \(floor -7[01]\)", level)
    assert mine["tap.sides/healthy"].found == "the exchange's tone is on the customer's side"
    assert mine["tap.frames/healthy"].found == "5 s without a gap"


@pytest.mark.parametrize(
    ("line", "name", "fault", "hint"),
    [
        ("silent", "level", "digital_silence", "alsamixer"),
        ("clipping", "clipping", "clipping", "capture level down"),
        ("humming", "hum", "hum", "ground loop"),
        ("offset", "offset", "dc_offset", "isolating transformer"),
        ("swapped", "sides", "swapped", 'sides = "customer=1,agent=2"'),
        ("mono", "sides", "same", "mixed=mono"),
    ],
)
def test_each_sick_line_is_told_with_what_to_do(
    desk: Desked, line: str, name: str, fault: str, hint: str
) -> None:
    """Each kind of sick sound has its fault and its hint."""
    result = desk[f"tap.{name}/{line}"]
    assert result.fault == fault
    assert result.mark in (Mark.WARN, Mark.FAIL)
    assert hint in result.hint


def test_the_hum_is_measured(desk: Desked) -> None:
    """Hum is told with its frequency and level."""
    assert "50 Hz at -3" in desk["tap.hum/humming"].found


def test_a_misspelt_input_is_told_with_the_one_that_was_meant(desk: Desked) -> None:
    """A PCM that is not there gets the nearest name; what needs it is skipped."""
    result = desk["tap.card/misspelt"]
    assert (result.mark, result.fault) == (Mark.FAIL, "wrong_name")
    assert result.hint.startswith("Did you mean pcm:tap_healthy?")
    assert desk["tap.level/misspelt"].found == "tap.card failed"


CARDS = " 0 [Device         ]: USB-Audio - USB Audio Device\n                      At home\n"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose kernel lists the sound cards that are written under it.

    No sound driver runs here: /proc/asound and /dev/snd are files, all behind them is real.
    """
    proc, dev = tmp_path / "proc", tmp_path / "dev"
    for folder in (proc / "asound", dev):
        folder.mkdir(parents=True)
    read = functools.partial(cards.read_cards, proc=proc, sys=tmp_path / "sys")
    monkeypatch.setattr(cards, "read_cards", read)
    defaults = LiveTap.__init__.__kwdefaults__
    assert defaults
    monkeypatch.setitem(defaults, "read_cards", read)
    explain = functools.partial(cards.explain, proc=proc, dev=dev)
    monkeypatch.setattr(cards, "explain", explain)
    return tmp_path


def plug(machine: Path, status: str = "closed\n") -> Path:
    """Plug the card in; its device node."""
    (machine / "proc/asound/cards").write_text(CARDS)
    sub = machine / "proc/asound/card0/pcm0c/sub0"
    sub.mkdir(parents=True)
    (sub / "status").write_text(status)
    node = machine / "dev/pcmC0D0c"
    node.touch()
    return node


def line(configured: Configured, card: str, **where: object) -> Context:
    return configured(f'[[line]]\nname = "front"\ncard = "{card}"', **where)


def test_no_card_at_all_is_told(machine: Path, examine: Examine, configured: Configured) -> None:
    """A machine without a sound card says so and where to look."""
    results = examine("tap", line(configured, "card:Device"))
    result = results["tap.card/front"]
    assert (result.mark, result.fault) == (Mark.FAIL, "no_card")
    assert "lsusb" in result.hint


@pytest.mark.parametrize(
    ("wrong", "meant"), [("card:Devise", "card:Device"), ("card:device", "card:Device")]
)
def test_a_wrong_card_name_is_told_with_the_one_that_was_meant(
    machine: Path, examine: Examine, configured: Configured, wrong: str, meant: str
) -> None:
    """A card name that nearly fits gets the one that does."""
    plug(machine)
    result = examine("tap", line(configured, wrong))["tap.card/front"]
    assert (result.mark, result.fault) == (Mark.FAIL, "wrong_name")
    assert result.hint.startswith(f"Did you mean {meant}?")


def test_a_card_that_another_program_holds_is_told_with_its_name(
    machine: Path, examine: Examine, configured: Configured
) -> None:
    """A busy card is told with program and process."""
    plug(machine, f"state: RUNNING\nowner_pid   : {os.getpid()}\n")
    comm = machine / f"proc/{os.getpid()}/comm"
    comm.parent.mkdir()
    comm.write_text("audacity\n")
    result = examine("tap", line(configured, "card:Device"))["tap.opens/front"]
    assert (result.mark, result.fault) == (Mark.FAIL, "busy")
    assert f"in use by audacity (process {os.getpid()})" in result.found
    assert "Another program records" in result.hint


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_a_card_that_the_services_user_may_not_open_is_told_even_to_root(
    machine: Path, examine: Examine, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root is told what the service's user lacks, and the command that gives it."""
    node = plug(machine)
    shutil.chown(node, group="audio")
    node.chmod(0o660)
    for folder in (machine, *machine.parents):
        if folder.is_relative_to(tempfile.gettempdir()) and folder != Path(tempfile.gettempdir()):
            folder.chmod(0o755)
    monkeypatch.setattr(service_user, "SERVICE_USER", "nobody")
    result = examine("tap", line(configured, "card:Device"))["tap.opens/front"]
    assert (result.mark, result.fault) == (Mark.FAIL, "no_permission")
    assert "usermod -aG audio" in result.hint


def test_a_card_that_gives_sound_at_another_speed_is_told(
    tmp_path: Path, examine: Examine, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ALSA `file` PCM has no clock: it gives what it has as fast as it is read."""
    raw = tmp_path / "line.raw"
    rng = np.random.default_rng(2)
    raw.write_bytes(rng.normal(0, 300, 2 * 40 * RATE_HZ).astype("<i2").tobytes())
    rc = tmp_path / "asound.conf"
    rc.write_text(
        '</usr/share/alsa/alsa.conf>\npcm.tap_file { type file slave.pcm "null" '
        f'file "/dev/null" infile "{raw}" format "raw" }}\n'
    )
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(rc))
    results = examine("tap", line(configured, "pcm:tap_file"))
    result = results["tap.frames/front"]
    assert (result.mark, result.fault) == (Mark.FAIL, "wrong_rate")
    assert "rate_hz" in result.hint


def running(*reasons: str, text: str = "hears it.", lost_s: float = 0.0) -> snapshot.Snapshot:
    """The service as it runs on a box with the line `front`."""
    lines = (LineStatus(line="front", reasons=reasons, text=text),)
    known: dict[str, Any] = {"line": "front", "lost_s": lost_s, "restarts": 0}
    health = LineHealth.model_construct(**known)
    box: dict[str, Any] = {"lines": (health,)}
    service: dict[str, Any] = {
        "status": status("degraded" if reasons else "online", lines=lines),
        "health": Health.model_construct(**box),
    }
    return snapshot.Snapshot.model_construct(**service)


@pytest.mark.parametrize(
    ("reason", "name", "fault"),
    [
        ("unplugged", "card", "gone"),
        ("no_device", "card", "gone"),
        ("wrong_port", "card", "wrong_port"),
        ("not_ready", "opens", "not_ready"),
        ("busy", "opens", "busy"),
        ("no_permission", "opens", "no_permission"),
        ("no_frames", "opens", "no_frames"),
        ("failed", "opens", "failed"),
        ("behind", "frames", "behind"),
        ("digital_silence", "level", "digital_silence"),
        ("silent_line", "level", "silent_line"),
        ("low_level", "level", "low_level"),
        ("clipping", "clipping", "clipping"),
        ("dc_offset", "offset", "dc_offset"),
        ("hum", "hum", "hum"),
    ],
)
def test_the_running_service_is_asked_and_its_reasons_are_the_doctors(
    examine: Examine, configured: Configured, reason: str, name: str, fault: str
) -> None:
    """Each reason that the service gives is one check's fault, and no other's."""
    context = line(configured, "card:Any", service=running(reason, text="It says so."))
    results = examine("tap", context)
    result = results[f"tap.{name}/front"]
    assert (result.fault, result.found) == (fault, "It says so.")
    others = [r for key, r in results.items() if r.mark in (Mark.WARN, Mark.FAIL)]
    assert others == [result]


def test_beside_a_healthy_service_the_card_is_left_alone(
    examine: Examine, configured: Configured
) -> None:
    """There is no such card: whoever opened it would have failed."""
    context = line(configured, "card:Nowhere", service=running())
    assert {r.mark for r in examine("tap", context).values()} == {Mark.OK}


def test_a_line_that_the_running_service_does_not_know_is_told(
    examine: Examine, configured: Configured
) -> None:
    """A line configured since the start asks for a restart."""
    context = configured('[[line]]\nname = "new"', service=running())
    result = examine("tap", context)["tap.card/new"]
    assert (result.fault, result.hint) == ("restart", "sudo systemctl restart sered")


def test_sound_that_the_service_lost_is_told(examine: Examine, configured: Configured) -> None:
    """Seconds that the service lost are a warning with their number."""
    context = line(configured, "card:Any", service=running(lost_s=12.5))
    result = examine("tap", context)["tap.frames/front"]
    assert (result.mark, result.fault) == (Mark.WARN, "lost")
    assert "12.5 s lost" in result.found


def test_a_shared_channel_is_flagged(examine: Examine, configured: Configured) -> None:
    """A line with both people on one channel is a warning."""
    context = configured('[[line]]\nname = "front"\nsides = "mixed=mono"', service=running())
    result = examine("tap", context)["tap.sides/front"]
    assert (result.mark, result.fault) == (Mark.WARN, "mixed")


def test_one_dead_side_while_the_other_talks_is_told_in_seconds() -> None:
    """The judgement alone, on five seconds of talk that only the customer's side carries."""
    from sered.diagnose.checks import line_probe
    from sered.records import FRAME, AudioFrame

    talk = sounds_like_talk()
    frames = [
        AudioFrame(
            at,
            {
                Side.CUSTOMER: talk[at : at + FRAME],
                Side.AGENT: np.array([0, 1] * (FRAME // 2), np.int16),
            },
        )
        for at in range(0, len(talk) - FRAME + 1, FRAME)
    ]
    times = [frame.start / RATE_HZ for frame in frames]
    findings = line_probe.judge(frames, times).findings
    assert [(f.reason, f.side) for f in findings] == [("silent_line", Side.AGENT)]


def sounds_like_talk() -> NDArray[Any]:
    rng = np.random.default_rng(4)
    buzz = rng.normal(size=5 * RATE_HZ) * np.abs(np.sin(np.arange(5 * RATE_HZ) / 4_000))
    return dbfs(buzz, -25.0).astype(np.int16)


@pytest.mark.parametrize(
    ("speed", "late_s", "rate"), [(1.0, 0.4, 1.0), (1.09, 0.0, 1.09), (0.5, 0.0, 0.5)]
)
def test_the_cards_speed_is_told_from_a_busy_boxs_lateness(
    speed: float, late_s: float, rate: float
) -> None:
    """Frames that come late by turns do not change the rate that is measured."""
    from sered.diagnose.checks import line_probe
    from sered.records import FRAME, AudioFrame

    silence = np.zeros(FRAME, np.int16)
    frames = [AudioFrame(n * FRAME, {Side.CUSTOMER: silence}) for n in range(20)]
    times = [
        n * FRAME / RATE_HZ / speed + (late_s if n in (0, 7, 18, 19) else 0) for n in range(20)
    ]
    assert line_probe.judge(frames, times).rate == pytest.approx(rate, abs=0.02)
