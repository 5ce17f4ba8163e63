"""Calls on lines with leaks, hums, losses and a hook switch."""

from __future__ import annotations

import pytest

from segmenting import (
    calls,
    feed,
    heard,
    listen,
    one,
    stretch_of,
)
from sered.records import EndReason, Utterance
from sered.settings import CallSettings


def test_a_hang_up_tone_whose_first_bursts_had_no_name_ends_the_call_where_it_began() -> None:
    """The ears say afterwards since when it has sounded."""
    blocks = stretch_of("v", 0, 3) + stretch_of("n", 3, 5)
    blocks += [heard(block.start_s, "b", since_s=4.0) for block in stretch_of("b", 5, 5.5)]
    ended = one(feed(blocks))
    assert ended.reason is EndReason.HANG_UP_TONE
    assert ended.end_s == pytest.approx(4.0, abs=0.1)


def test_a_radio_that_leaks_in_starts_no_call() -> None:
    """A voice far fainter than any on a phone is not on this phone."""
    assert feed(stretch_of(".", 0, 2, -75.0) + stretch_of("v", 2, 60, -55.0)) == []


def test_a_hum_that_sets_in_on_a_radio_starts_no_call() -> None:
    """It takes a fifth of a second until a hum is known to be no voice."""
    radio = stretch_of("v", 0, 3, -65.0) + stretch_of("v", 3, 3.2) + stretch_of("n", 3.2, 9)
    assert feed(radio + stretch_of("v", 9, 12, -65.0)) == []


def test_a_faint_voice_in_a_call_is_heard() -> None:
    """Once somebody is on the phone, he may mumble."""
    blocks = stretch_of("v", 0, 2) + stretch_of(".", 2, 4) + stretch_of("v", 4, 6, -55.0)
    assert len([e for e in feed(blocks) if isinstance(e, Utterance)]) == 2


def test_a_faint_customer_keeps_his_call_open_and_a_station_does_not() -> None:
    """40 dB under the agent he talks for a minute; what the idle line had is nobody's."""
    talk = stretch_of("v", 10, 14) + [
        block
        for start in range(16, 76, 3)
        for block in stretch_of("v", start, start + 2, -60.0)
        + stretch_of(".", start + 2, start + 3, -75.0)
    ]
    again = stretch_of("v", 76, 80) + stretch_of(".", 80, 120, -75.0)
    quiet, station = stretch_of(".", 0, 10, -75.0), stretch_of("v", 0, 5, -60.0)
    assert len(calls(feed(quiet + talk + again))) == 1
    assert len(calls(feed(station + stretch_of(".", 5, 10, -75.0) + talk + again))) == 2


def test_a_hum_does_not_hide_that_the_handset_went_down() -> None:
    """It is as loud on-hook as off-hook; the hiss above it is not."""
    idle = stretch_of(".", 0, 5, -50.0, hiss_db=-90.0)
    call = [
        block
        for start in range(5, 25, 2)
        for block in stretch_of("v", start, start + 1, hiss_db=-30.0)
        + stretch_of(".", start + 1, start + 2, -49.5, hiss_db=-70.0)
    ]
    ended = one(feed(idle + call + stretch_of(".", 25, 30, -50.0, hiss_db=-90.0)))
    assert ended.reason is EndReason.ON_HOOK
    assert ended.end_s == pytest.approx(25.0, abs=0.3)


def test_a_call_whose_sound_is_lost_for_long_ends_where_it_was_lost() -> None:
    """Nobody knows how it went on; what comes afterwards is another call."""
    first, second = calls(feed(stretch_of("v", 0, 5) + stretch_of("v", 100, 105)))
    assert first.reason is EndReason.SOUND_LOST
    assert first.end_s == pytest.approx(5.0, abs=0.3)
    assert second.start_s == pytest.approx(100.0, abs=0.3)


def test_a_call_outlives_a_short_loss_of_sound() -> None:
    """Two seconds without sound part two utterances and no calls, and are no on-hook quiet."""
    events = feed(
        stretch_of(".", 0, 5, -80.0) + stretch_of("v", 5, 8) + stretch_of(".", 8, 12, -50.0)
        + stretch_of(".", 12, 12.1, -80.0) + stretch_of(".", 14.2, 14.3, -80.0)
        + stretch_of("v", 14.3, 16)
    )  # fmt: skip
    assert one(events).reason is EndReason.END_OF_RECORDING
    assert len([event for event in events if isinstance(event, Utterance)]) == 2


def test_a_call_that_is_too_long_is_cut_in_two() -> None:
    """The second begins where the first was cut."""
    first, second = calls(listen("V" * 100, settings=CallSettings(max_call_s=60.0)))
    assert first.reason is EndReason.MAX_LENGTH
    assert second.start_s == first.end_s


def test_the_hook_switch_overrules_what_is_heard() -> None:
    """Speech on-hook is no call; silence off-hook does not end one; hanging up does."""
    hook = "d" * 50 + "u" * 600 + "d" * 50
    heard = "=VV===VV" + "=" * 50 + "VV========"
    ended = one(listen(heard, hook=hook, finish=None))
    assert ended.start_s == pytest.approx(5.0, abs=0.1)
    assert ended.end_s == pytest.approx(65.0, abs=0.1)
    assert ended.reason is EndReason.ON_HOOK


def test_a_flash_of_the_hook_switch_is_not_an_end() -> None:
    """Half a second down is a flash."""
    hook = "u" * 50 + "d" * 5 + "u" * 50 + "d" * 30
    assert one(listen("=VV" + "=" * 3 + "VV=====", hook=hook)).end_s == pytest.approx(10.5, abs=0.1)


def test_after_a_hang_up_tone_the_lifted_handset_starts_no_second_call() -> None:
    """The hook has to go down first."""
    hook = "u" * 300
    heard = "=VVV=" + "bbbbb....." * 5 + "=====VVV======"
    assert len(calls(listen(heard, hook=hook))) == 1
