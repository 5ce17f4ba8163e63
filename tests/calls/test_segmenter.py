"""The segmenter on strings: a letter is 0.1 s of one side, the carets beneath are what it finds."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from segmenting import (
    calls,
    listen,
    one,
    stretch_of,
)
from sered.calls.segmenter import Segmenter
from sered.records import CallEnded, CallStarted, EndReason, Utterance
from sered.settings import CallSettings


def test_mere_speech_is_one_call_from_its_first_word_to_its_last() -> None:
    """A recording without any tone is a call all the same."""
    ended = one(listen("==VVV==VV==="))
    assert ended.start_s == pytest.approx(1.8, abs=0.05)
    assert ended.end_s == pytest.approx(9.2, abs=0.05)
    assert ended.reason is EndReason.END_OF_RECORDING


def test_a_two_second_clip_that_begins_with_speech_is_a_call_with_an_utterance() -> None:
    """Nothing has to be learnt before the first word counts."""
    events = listen("VV")
    assert isinstance(events[0], CallStarted)
    assert isinstance(events[1], Utterance)
    assert one(events).start_s == 0.0


def test_a_call_begins_with_the_dial_tone_that_led_to_it() -> None:
    """The handset went up when the noise stepped up, just before the dial tone."""
    events = listen("-----..nnDDD........=..RR====RR=.VVV===", "-----...........tt.tt.====")
    assert isinstance(events[0], CallStarted)
    assert events[0].at_s == pytest.approx(5.2, abs=0.1)


def test_a_dial_tone_alone_is_no_call() -> None:
    """Somebody lifted the handset and thought better of it."""
    assert listen("---DDDDDDD----") == []


def test_noise_however_long_is_no_call() -> None:
    """A vacuum cleaner is not a customer."""
    assert listen("--" + "N" * 60 + "--") == []


@pytest.mark.parametrize("tone", ["b", "c", "h", "i"])
def test_a_hang_up_tone_ends_a_call_where_it_began(tone: str) -> None:
    """Its first bursts, heard before its rhythm was known, are not the call's either."""
    ended = one(listen("=VVV=ddddd.....ddddd....." + 3 * (5 * tone + ".....")))
    assert ended.reason is EndReason.HANG_UP_TONE
    assert ended.end_s == pytest.approx(5.0, abs=0.1)


@pytest.mark.parametrize("joined", [False, True])
def test_a_joined_recording_is_no_afterthought_of_the_last(joined: bool) -> None:
    """Words right after a hang-up tone belong to no call, unless another recording begins there."""
    segmenter = Segmenter(CallSettings())
    events: list[CallStarted | Utterance | CallEnded] = []
    for block in stretch_of("v", 0.0, 4.0) + stretch_of("b", 4.0, 8.0):
        events += segmenter.feed(block)
    if joined:
        segmenter.join(8.0)
    for block in stretch_of("v", 8.0, 10.0) + stretch_of(".", 10.0, 16.0):
        events += segmenter.feed(block)
    events += segmenter.finish(EndReason.END_OF_RECORDING)
    assert len(calls(events)) == 1 + joined


def test_what_is_muttered_over_a_busy_tone_starts_no_call() -> None:
    """The customer has gone; the agent talks to himself."""
    busy = "bbbbb....." * 8
    assert len(calls(listen("=VVV=" + busy, "=VVV=" + "..VVV..VV="))) == 1


def test_the_machine_that_speaks_after_an_intercept_tone_is_no_call() -> None:
    """It says twice that the number is not in service; who rings afterwards is one."""
    said = "=" + "VVVVVVV..VVV==VVVVVVV..VVV" + "===="
    (intercept,) = calls(listen("--DDD====" + "III" + said, "--===tt.tt.tt"))
    assert intercept.reason is EndReason.UNANSWERED
    assert len(calls(listen("--DDD====" + "III" + said + "=VVV=VV=", "--===tt.tt.tt"))) == 2


def test_silence_ends_a_call_after_the_hang_over() -> None:
    """The call was over with its last sound, however long it took to be sure."""
    ended = one(listen("=VVV" + "=" * 40, finish=None))
    assert ended.reason is EndReason.SILENCE
    assert ended.end_s == pytest.approx(4.2, abs=0.05)


def test_a_pause_shorter_than_the_hang_over_is_one_call() -> None:
    """People think, search, and come back."""
    assert one(listen("=VVV" + "=" * 25 + "VV")).talk.longest_silence_s == pytest.approx(25, abs=1)


@pytest.mark.slow
def test_hold_music_keeps_a_call_open() -> None:
    """One call with ten minutes of hold is one call, and the hold is measured."""
    ended = one(listen("=VVV" + "M" * 600 + "VV=bbbbb.....bbbbb.....bbbbb"))
    assert ended.reason is EndReason.HANG_UP_TONE
    assert ended.talk.hold_s == pytest.approx(600, abs=1)


def test_hold_music_has_a_limit() -> None:
    """A radio left at the phone does not keep a call open for ever."""
    settings = CallSettings(hold_limit_s=60.0, hang_over_s=10.0)
    ended = one(listen("=VVV" + "M" * 120, settings=settings, finish=None))
    assert ended.reason is EndReason.SILENCE
    assert ended.end_s == pytest.approx(64, abs=1)


def test_ringing_keeps_a_call_open_however_short_the_hang_over() -> None:
    """Four seconds pass between two rings."""
    ended = one(listen("R====R====R====VVV=", settings=CallSettings(hang_over_s=2.0)))
    assert ended.reason is EndReason.END_OF_RECORDING


def test_ringing_that_nobody_answers_is_unanswered() -> None:
    """What the agent says to himself meanwhile answers nothing."""
    events = listen("--RR====RR====RR=" + "=" * 35, "--====VV====" + "=" * 35)
    assert one(events).reason is EndReason.UNANSWERED


def test_what_the_agent_says_before_it_rings_answers_nothing() -> None:
    """Keys that drown in noise pass for a voice; only who is rung can answer."""
    far = "--DDD====" + "RR====RR====RR" + "=" * 20
    assert one(listen(far, "--===VV==" + "=" * 34)).reason is EndReason.UNANSWERED


def test_who_is_rung_and_speaks_has_answered() -> None:
    """Ringing that follows on the customer's words is a transfer."""
    far = "--DDD====" + "VV=RR====RR" + "=" * 20
    assert one(listen(far, "--===VV==" + "=" * 30)).reason is not EndReason.UNANSWERED


def test_a_fax_is_waited_for_less_long_than_people() -> None:
    """A modem answers and falls silent; a call that comes 15 s later is another."""
    far = "--DDD====RR====RR=" + "FFFF" + "=" * 15 + "VVV==VV=="
    near = "--===tt.tt.tt====" + "=" * 30
    assert [call.reason is EndReason.UNANSWERED for call in calls(listen(far, near))] == [
        True,
        False,
    ]


@pytest.mark.parametrize("heard", ["====", "RR=="], ids=["dialling", "ringing"])
def test_what_nothing_has_answered_yet_is_waited_for(heard: str) -> None:
    """Abroad it may take 20 s until it rings; who is rung may be slow to speak."""
    far = "--DDD====" + heard + "=" * 18 + "RR====RR=VVV==VV=="
    one(listen(far, "--===ttt.ttt.ttt" + "=" * 44))


def test_a_fax_that_is_dialled_anew_is_two_calls() -> None:
    """Nobody flashes the hook at a machine, however much louder the lifted line is."""
    far = "-----.DDD====RR====RR=" + "FFFF" + "-=-=-" + "DDDD==RR===VVV==VV=="
    near = "-----.===tt.tt.tt====" + "=" * 40
    first, second = calls(listen(far, near))
    assert first.reason is EndReason.UNANSWERED
    assert second.start_s == pytest.approx(30.1, abs=1.0)


def test_two_seconds_of_idle_line_are_enough_to_know_the_drop() -> None:
    """The phone may ring as soon as the box listens."""
    ended = one(listen("--=VVV=VV=VV==-----", finish=None))
    assert ended.reason is EndReason.ON_HOOK
    assert ended.end_s == pytest.approx(14, abs=0.2)


def test_the_drop_to_the_on_hook_noise_ends_a_call_at_once() -> None:
    """The pauses of the call were louder than the line has been since."""
    ended = one(listen("-----=VVV=VV=VV==-----", finish=None))
    assert ended.reason is EndReason.ON_HOOK
    assert ended.end_s == pytest.approx(17, abs=0.2)


def test_a_line_that_is_as_quiet_in_every_pause_is_not_hung_up() -> None:
    """Where pauses sound like the idle line, quiet proves nothing."""
    ended = one(listen("-----VVV--VV--VV---VV--"))
    assert ended.reason is EndReason.END_OF_RECORDING


def test_a_flash_of_the_hook_is_not_an_end() -> None:
    """A moment of on-hook, dial tone, three keys and a third party: one call."""
    far = "-----=VVV=VV==__dddddddddd........==VVV=VV="
    near = "-----=========__dddddddddd.tt.tt.tt"
    assert len(calls(listen(far, near))) == 1


def test_back_to_back_calls_are_two() -> None:
    """Hung up, lifted again, dial tone: the second call begins with it."""
    far = "=VVV=VV=" + "====" + "DDD" + "....====" + "RR====RR=VVV=VV="
    near = "=" * 15 + "tt.tt.tt"
    first, second = calls(listen(far, near))
    assert first.reason is EndReason.ON_HOOK
    assert first.end_s == pytest.approx(7.2, abs=0.1)
    assert second.start_s == pytest.approx(12.0, abs=0.1)


@pytest.mark.slow
def test_an_hour_is_segmented_in_well_under_ten_seconds() -> None:
    """Time inside is the block count; nothing waits for a clock."""
    began = time.process_time()
    ended = one(listen(("VVV=VV=" + "M" * 10) * 212))
    assert ended.end_s > 3600
    assert time.process_time() - began < 10.0


@pytest.mark.slow
@example("_t", "..vv")
@given(st.text(alphabet="..._vvvvndrbchitfmDVM=", max_size=80), st.text(".v", max_size=80))
def test_whatever_a_line_carries_events_come_in_order(customer: str, agent: str) -> None:
    """A start, its utterances inside it, its end; no call reaches into another."""
    events = listen(customer + ".", agent + ".")
    open_at: float | None = None
    last_end = 0.0
    for event in events:
        if isinstance(event, CallStarted):
            assert open_at is None
            assert event.at_s >= last_end - 0.2
            open_at = event.at_s
        elif isinstance(event, Utterance):
            assert open_at is not None
            assert event.start_s >= open_at - 1e-6
            assert 0.3 <= round(event.end_s - event.start_s, 3) <= 15.0
        else:
            assert open_at == event.start_s
            assert event.end_s >= event.start_s
            last_end, open_at = event.end_s, None
    assert open_at is None
