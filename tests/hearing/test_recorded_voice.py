"""Recorded voices are told from people by what machines do; people are never taken for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
import soxr

import sered
from bench.recorded_calls import listen
from sered.hearing import fingerprint
from sered.hearing.beeps import Beeps
from sered.hearing.recorded_voice import RecordedVoices
from sered.hearing.remembered import Remembered
from sered.records import BLOCK, FRAME, RATE_HZ, AudioFrame, Heard, Side, State, Utterance
from sered.testing import sounds
from sered.testing.tape import LineRecipe, Tape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sered.records import CallEnded

    Pcm = NDArray[np.int16]

PATH = next(iter(sered.__path__)) + "/demo/call.wav"
SAID_S = {
    "agent": ((14.4, 16.6), (24.4, 27.6)),
    "customer": ((17.6, 21.0), (28.8, 31.6), (36.6, 39.4), (43.4, 47.2)),
}


@pytest.fixture(scope="module")
def said() -> dict[str, list[Pcm]]:
    """Sentences of the demo call's two synthetic voices."""
    samples, rate_hz = soundfile.read(PATH, dtype="float32")
    both = soxr.resample(samples, rate_hz, RATE_HZ)
    out: dict[str, list[Pcm]] = {}
    for channel, (who, places) in enumerate(SAID_S.items()):
        for first, last in places:
            piece = both[round(first * RATE_HZ) : round(last * RATE_HZ), channel]
            out.setdefault(who, []).append(np.asarray(piece * 32_767, np.int16))
    return out


def line(seed: int = 1) -> Tape:
    """A quiet line with an outgoing call that has been ringing."""
    tape = Tape(np.random.default_rng(seed), LineRecipe(speech_db=-20.0, snr_db=30.0))
    tape.wait(4.0)
    ring(tape)
    return tape


def ring(tape: Tape) -> None:
    """Dial tone, dialling and ringing."""
    tape.tone(State.DIAL, 2.0)
    tape.dial("5550142")
    tape.wait(1.0)
    tape.tone(State.RINGBACK, 6.0)
    tape.wait(0.5)


def heard(
    tape: Tape, remembered: Remembered | None = None
) -> list[tuple[Utterance, bool, CallEnded]]:
    """Each utterance of the far end, and whether it is known as a machine's."""
    tape.lifted.append((4.0, tape.now_s))
    tape.wait(6.0)
    return listen(tape.render(), remembered)


def flags(found: list[tuple[Utterance, bool, CallEnded]]) -> list[bool]:
    """Of each utterance in the order spoken."""
    return [flag for _, flag, _ in found]


def test_an_announcement_that_is_repeated_is_known(said: dict[str, list[Pcm]]) -> None:
    """The same sentence twice, to the sample but for the line's noise, is no person's."""
    tape = line()
    for waits_s in (1.5, 0.7):
        tape.say(Side.CUSTOMER, said["customer"][0])
        tape.wait(waits_s)
        tape.say(Side.AGENT, said["agent"][0][:12_000])
        tape.wait(3.0)
    tape.tone(State.REORDER, 5.0)
    assert set(flags(heard(tape))) == {True}


@pytest.mark.slow
def test_an_announcement_is_known_again_in_the_next_call(said: dict[str, list[Pcm]]) -> None:
    """What machines said in one call is known in another at once, and another voice is not."""
    remembered = Remembered()
    first = line(1)
    first.say(Side.CUSTOMER, said["customer"][0])
    first.wait(2.0)
    heard(first, remembered)
    second = line(2)
    second.say(Side.CUSTOMER, said["customer"][0])
    second.wait(1.0)
    second.say(Side.AGENT, said["agent"][0])
    second.wait(1.0)
    second.say(Side.CUSTOMER, said["customer"][1])
    found = heard(second, remembered)
    assert flags(found)[0]
    assert not flags(found)[-1]
    assert not any(hasattr(each, "pcm") for each in remembered.all())


@pytest.mark.slow
def test_a_queue_is_known_and_who_comes_on_is_not(said: dict[str, list[Pcm]]) -> None:
    """Prompts between music are a machine's; the person after it is judged from there."""
    tape = line()
    for prompt in (0, 1):
        tape.say(Side.CUSTOMER, said["customer"][prompt])
        tape.wait(0.4)
        tape.hold(12.0)
        tape.wait(0.4)
    tape.say(Side.CUSTOMER, said["customer"][2])
    tape.wait(0.4)
    tape.say(Side.AGENT, said["agent"][0])
    tape.wait(0.4)
    tape.say(Side.CUSTOMER, said["customer"][3])
    found = heard(tape)
    at = [span.start_s for span in tape.spans if span.state is State.MUSIC][-1] + 12.0
    assert {flag for utterance, flag, _ in found if utterance.end_s < at} == {True}
    assert {flag for utterance, flag, _ in found if utterance.start_s > at} == {False}


def test_a_menu_is_answered_with_keys(said: dict[str, list[Pcm]]) -> None:
    """Who is answered with a key is a machine; who is put through after it is not."""
    tape = line()
    tape.say(Side.CUSTOMER, said["customer"][0])
    tape.wait(0.5)
    tape.dial("2")
    tape.wait(1.0)
    tape.tone(State.RINGBACK, 6.0)
    tape.wait(0.5)
    tape.say(Side.CUSTOMER, said["customer"][1])
    tape.wait(0.4)
    tape.say(Side.AGENT, said["agent"][0])
    tape.wait(0.4)
    found = heard(tape)
    assert flags(found)[0]
    assert not flags(found)[-1]


def test_a_greeting_ends_with_a_beep(said: dict[str, list[Pcm]]) -> None:
    """What is said before the beep is a mailbox's, with a message left after it."""
    tape = line()
    for at in (0, 1):
        tape.say(Side.CUSTOMER, said["customer"][at])
        tape.wait(0.5)
    tape.put(Side.CUSTOMER, State.NOISE, sounds.sines([1_000.0], 0.4))
    tape.wait(0.6)
    tape.say(Side.AGENT, said["agent"][1])
    tape.wait(5.0)
    assert set(flags(heard(tape))) == {True}


@pytest.mark.parametrize(("speaks_on_s", "machine"), [(0.0, True), (0.2, True), (0.5, False)])
def test_nobody_speaks_on_after_a_beep(speaks_on_s: float, *, machine: bool) -> None:
    """A vowel may ring like a beep; the detector may take a beep, and a pad, for the utterance."""
    voices = RecordedVoices((Side.CUSTOMER, Side.AGENT))
    voices.begin(0.0)
    rings = 3.0, 3.2
    for start in range(0, 12 * RATE_HZ, FRAME):
        at_s = start / RATE_HZ
        sounding = rings[0] <= at_s < rings[1] + 0.1
        tone = sounds.sines([1_000.0], FRAME / RATE_HZ)[:FRAME] * 3_000.0 * sounding
        pcm = {Side.CUSTOMER: tone.astype(np.int16), Side.AGENT: np.zeros(FRAME, np.int16)}
        near = State.SPEECH if 5.0 <= at_s < 6.0 else State.SILENCE
        far = State.SPEECH if 1.0 <= at_s < 4.0 else State.SILENCE
        level = {Side.CUSTOMER: -20.0 if sounding else -90.0, Side.AGENT: -90.0}
        states = {Side.CUSTOMER: far, Side.AGENT: near}
        voices.feed(
            AudioFrame(start, pcm),
            [Heard(at_s + n * BLOCK / RATE_HZ, states, level) for n in range(FRAME // BLOCK)],
        )
    (beep,) = voices._line.beeps.runs
    voices.take(Utterance(Side.CUSTOMER, 1.0, beep[1] + speaks_on_s, 2.0), np.zeros(0, np.int16))
    assert voices.flags(over=True) == [machine]


def test_nobody_speaks_to_an_announcement(said: dict[str, list[Pcm]]) -> None:
    """Who is rung up and speaks, and is not answered a word in the whole call, is a machine."""
    tape = line()
    tape.say(Side.CUSTOMER, said["customer"][2])
    tape.wait(2.0)
    assert set(flags(heard(tape))) == {True}


@pytest.mark.parametrize("calling", [True, False])
@pytest.mark.slow
def test_people_who_talk_are_people(said: dict[str, list[Pcm]], *, calling: bool) -> None:
    """Two people by turns, with a hold between, are never taken for machines."""
    tape = line() if calling else Tape(np.random.default_rng(1), LineRecipe())
    for at in range(2):
        tape.say(Side.AGENT, said["agent"][at])
        tape.wait(0.5)
        tape.say(Side.CUSTOMER, said["customer"][at])
        tape.wait(0.5)
    tape.hold(15.0)
    tape.wait(0.5)
    tape.say(Side.CUSTOMER, said["customer"][2])
    tape.wait(0.3)
    tape.say(Side.AGENT, said["agent"][0][:20_000])
    tape.wait(0.3)
    tape.say(Side.CUSTOMER, said["customer"][3])
    assert set(flags(heard(tape))) == {False}


def test_a_tape_that_is_played_again_is_no_machine(said: dict[str, list[Pcm]]) -> None:
    """A whole conversation heard twice, answers and all, was recorded by somebody else."""
    tape, remembered = line(), Remembered()
    for _ in range(2):
        for at in range(2):
            tape.say(Side.AGENT, said["agent"][at])
            tape.wait(0.6)
            tape.say(Side.CUSTOMER, said["customer"][at])
            tape.wait(0.6)
    assert set(flags(heard(tape, remembered))) == {False}


def test_a_tape_that_begins_with_the_caller_is_no_machine(said: dict[str, list[Pcm]]) -> None:
    """What opens a conversation that is played again is answered only afterwards, and is kept."""
    tape = line()
    for _ in range(2):
        for at in range(2):
            tape.say(Side.CUSTOMER, said["customer"][at])
            tape.wait(0.6)
            tape.say(Side.AGENT, said["agent"][at])
            tape.wait(0.6)
    found = flags(heard(tape, Remembered()))
    assert len(found) >= 4
    assert set(found) == {False}


@pytest.mark.parametrize("snr_db", [30.0, 15.0, 10.0])
def test_a_fingerprint_knows_the_same_sound(said: dict[str, list[Pcm]], snr_db: float) -> None:
    """The same sentence over other noise, at another level and place, is found; no other is."""
    rng = np.random.default_rng(5)

    def over_the_line(pcm: Pcm, db: float, late: int) -> Pcm:
        sound = sounds.telephone(np.concatenate((np.zeros(late), pcm / pcm.std())))
        hiss = sounds.noise(rng, len(sound) / RATE_HZ + 1.0)[: len(sound)]
        level = 32_767 * 10.0 ** (db / 20.0)
        return np.asarray(level * (sound + hiss * 10.0 ** (-snr_db / 20.0)), np.int16)

    known = fingerprint.fingerprint(over_the_line(said["customer"][0], -20.0, 0))
    again = fingerprint.fingerprint(over_the_line(said["customer"][0], -32.0, 777))
    other = fingerprint.fingerprint(over_the_line(said["customer"][3], -20.0, 0))
    assert known.dtype == np.uint16
    assert fingerprint.again(again, known)
    assert not fingerprint.again(other, known)
    assert not len(fingerprint.fingerprint(said["customer"][0][:4_000]))


@pytest.mark.parametrize(
    ("pattern", "count"),
    [((0.4,), 1), ((0.05,), 0), ((4.0,), 0), ((0.5, 0.5, 0.5), 0), ((), 0)],
)
def test_a_beep_is_one_tone_once(pattern: tuple[float, ...], count: int) -> None:
    """A tone of a tenth of a second to two and a half is a beep unless it comes back."""
    rng = np.random.default_rng(2)
    parts: list[NDArray[np.float32]] = [sounds.silence(1.0)]
    for seconds in pattern:
        parts += [0.1 * sounds.sines([1_000.0], seconds), sounds.silence(0.5)]
    sound = np.concatenate([*parts, sounds.silence(7.0)])
    sound = sound + 0.001 * sounds.noise(rng, len(sound) / RATE_HZ)[: len(sound)]
    pcm = np.asarray(sound[: len(sound) // BLOCK * BLOCK] * 32_767, np.int16)
    beeps, found = Beeps(), []
    for at in range(0, len(pcm), BLOCK):
        block = pcm[at : at + BLOCK]
        level = 20.0 * np.log10(block.astype(float).std() / 32_768.0)
        state = State.NOISE if level > -50.0 else State.SILENCE
        found += beeps.feed(block, at / RATE_HZ, [state], [level])
    assert len(found) == count
    if count:
        assert found[0][0] == pytest.approx(1.0, abs=0.1)
