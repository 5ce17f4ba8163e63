"""The segmenter on strings: a letter is 0.1 s of one side, the carets beneath are what it finds."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sered.calls.segmenter import Segmenter
from sered.records import BLOCK_S, CallEnded, CallStarted, EndReason, Heard, Side, State, Utterance
from sered.settings import CallSettings

LETTER_S = 0.1
LEVELS = {".": -50.0, "_": -80.0, "n": -45.0}
"""`.` is the quiet of a lifted handset, `_` that of a line on-hook."""


def listen(
    customer: str = "",
    agent: str = "",
    *,
    mixed: str = "",
    hook: str = "",
    settings: CallSettings | None = None,
    finish: EndReason | None = EndReason.END_OF_RECORDING,
) -> list[CallStarted | Utterance | CallEnded]:
    """Feed strings (upper case: 1 s a letter) and collect what comes back."""
    sides = {Side.CUSTOMER: customer, Side.AGENT: agent, Side.MIXED: mixed}
    drawn = {side: stretch(text) for side, text in sides.items() if text}
    hooks = stretch(hook)
    length = max(len(text) for text in drawn.values())
    segmenter = Segmenter(settings or CallSettings())
    events: list[CallStarted | Utterance | CallEnded] = []
    for block in range(int(length * LETTER_S / BLOCK_S)):
        at = int((block + 0.5) * BLOCK_S / LETTER_S)
        letters = {side: text[at] if at < len(text) else "." for side, text in drawn.items()}
        off_hook = (hooks[at] == "u") if at < len(hooks) else None
        events += segmenter.feed(
            Heard(
                block * BLOCK_S,
                {side: State("." if c == "_" else c) for side, c in letters.items()},
                {side: LEVELS.get(c, -20.0) for side, c in letters.items()},
                off_hook,
            )
        )
    if finish is not None:
        events += segmenter.finish(finish)
    return events


def stretch(text: str) -> str:
    """A capital lasts a second; `=` is a second of off-hook quiet, `-` one of on-hook quiet."""
    out = ""
    for letter in text:
        if letter == "=":
            out += "." * 10
        elif letter == "-":
            out += "_" * 10
        else:
            out += letter.lower() * (10 if letter.isupper() else 1)
    return out


def carets(events: list[CallStarted | Utterance | CallEnded], side: Side) -> str:
    """One caret for each letter that lies in an utterance of that side."""
    spans = [(e.start_s, e.end_s) for e in events if isinstance(e, Utterance) and e.side is side]
    length = round(max((end for _, end in spans), default=0.0) / LETTER_S)
    return "".join(
        "^" if any(a <= (i + 0.5) * LETTER_S <= b for a, b in spans) else " " for i in range(length)
    )


def calls(events: list[CallStarted | Utterance | CallEnded]) -> list[CallEnded]:
    return [event for event in events if isinstance(event, CallEnded)]


def one(events: list[CallStarted | Utterance | CallEnded]) -> CallEnded:
    (ended,) = calls(events)
    return ended


@pytest.mark.parametrize(
    ("heard", "found"),
    [
        (
            "......vvvvvvvv........",
            "    ^^^^^^^^^^^^",
        ),
        (
            "......vvvv..vvvv........",
            "    ^^^^^^^^^^^^^^",
        ),
        (
            "......vvvv........vvvv.......",
            "    ^^^^^^^^    ^^^^^^^^",
        ),
        (
            "vvvv........",
            "^^^^^^",
        ),
        (
            "......vvvvmmmmmmmm....",
            "    ^^^^^^",
        ),
        (
            ".....tvvvvt...........",
            "      ^^^^",
        ),
    ],
    ids=["pads", "short pause", "two", "first sample", "music", "keys"],
)
def test_an_utterance_is_speech_with_a_fifth_of_a_second_around_it(heard: str, found: str) -> None:
    """Pads are kept before and after, short pauses inside, tones and music outside."""
    assert carets(listen(heard), Side.CUSTOMER) == found


def test_a_word_too_short_to_judge_is_no_utterance() -> None:
    """Less than a sixth of a second of voice is a click or a breath."""
    assert listen("=v=====") == []


@pytest.mark.parametrize(
    ("heard", "found"),
    [
        ("=VV......nnnnnnvvnnnnnnnnnnmmmmmmmm==", 1),
        ("=VV.........nnnvvnnnnnnnnnnnn==", 2),
        ("=VV......nnnnnnvvnn..........==", 2),
        ("=VV......nnnnnnvvvvnnnnnnnnnn==", 2),
    ],
    ids=["in the midst", "at the beginning", "at the end", "a word"],
)
def test_a_mere_syllable_in_the_midst_of_noise_is_the_noises(heard: str, found: int) -> None:
    """Music sounds like a voice for a moment before it is known to be music."""
    assert len([event for event in listen(heard) if isinstance(event, Utterance)]) == found


def test_long_speech_is_cut_at_its_best_pause() -> None:
    """No utterance is longer than 15 s, and no word is lost between two."""
    events = listen("=VVVVVVVVV..VVV.VVVVVVV=====")
    found = [e for e in events if isinstance(e, Utterance)]
    assert all(e.end_s - e.start_s <= 15.0 for e in found)
    assert len(found) == 2
    assert found[0].end_s == pytest.approx(10.1, abs=0.1)
    assert sum(e.voiced_s for e in found) == pytest.approx(19.0, abs=0.1)


def test_speech_without_any_pause_is_cut_at_fifteen_seconds() -> None:
    """A shouter who never breathes still gets judged in pieces."""
    found = [e for e in listen("=" + "V" * 40 + "==") if isinstance(e, Utterance)]
    assert [round(e.end_s - e.start_s) for e in found] == [15, 15, 11]


def test_an_utterance_is_told_within_a_second_of_its_end() -> None:
    """The caller keeps the last seconds of sound only."""
    segmenter = Segmenter(CallSettings())
    for block in range(300):
        now_s = block * BLOCK_S
        state = State.SPEECH if 2.0 <= now_s < 5.0 else State.SILENCE
        for event in segmenter.feed(Heard(now_s, {Side.MIXED: state}, {Side.MIXED: -30.0})):
            if isinstance(event, Utterance):
                assert now_s + BLOCK_S - event.end_s <= 1.0
                return
    pytest.fail("no utterance")


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


def heard(
    at_s: float, far: str, level_db: float = -20.0, since_s: float | None = None, **more: float
) -> Heard:
    """One block of a line with one side."""
    since = {} if since_s is None else {Side.CUSTOMER: since_s}
    hiss = {Side.CUSTOMER: more["hiss_db"]} if more else {}
    levels = {Side.CUSTOMER: level_db}
    return Heard(at_s, {Side.CUSTOMER: State(far)}, levels, None, since, hiss)


def feed(blocks: list[Heard]) -> list[CallStarted | Utterance | CallEnded]:
    """What a segmenter makes of blocks, up to the end of the recording."""
    segmenter = Segmenter(CallSettings())
    events = [event for block in blocks for event in segmenter.feed(block)]
    return events + segmenter.finish(EndReason.END_OF_RECORDING)


def stretch_of(
    far: str, first_s: float, last_s: float, level_db: float = -20.0, **more: float
) -> list[Heard]:
    """Blocks that all carry the same."""
    blocks = range(round(first_s / BLOCK_S), round(last_s / BLOCK_S))
    return [heard(block * BLOCK_S, far, level_db, **more) for block in blocks]


def test_a_word_begins_where_it_began_not_where_it_was_sure() -> None:
    """The detector takes its time; the utterance reaches back, and a fifth of a second more."""
    blocks = stretch_of(".", 0, 3) + stretch_of("v", 3, 4) + stretch_of(".", 4, 6)
    first = next(i for i, block in enumerate(blocks) if block.states[Side.CUSTOMER] == "v")
    blocks[first] = heard(blocks[first].start_s, "v", since_s=2.6)
    said = [event for event in feed(blocks) if isinstance(event, Utterance)]
    assert said[0].start_s == pytest.approx(2.4, abs=0.01)


def test_a_word_reaches_back_into_no_tone_and_no_other_voice() -> None:
    """What was a tone for sure is not the customer's, however early he may have begun."""
    blocks = stretch_of("r", 0, 3) + stretch_of("v", 3, 4) + stretch_of(".", 4, 6)
    first = next(i for i, block in enumerate(blocks) if block.states[Side.CUSTOMER] == "v")
    blocks[first] = heard(blocks[first].start_s, "v", since_s=2.6)
    said = [event for event in feed(blocks) if isinstance(event, Utterance)]
    assert said[0].start_s == pytest.approx(3.0, abs=BLOCK_S)


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


def test_speech_cut_by_a_loss_of_sound_is_two_utterances() -> None:
    """No utterance has a hole in it."""
    events = feed(stretch_of("v", 0, 5) + stretch_of("v", 9, 12))
    said = [event for event in events if isinstance(event, Utterance)]
    assert [round(u.end_s - u.start_s) for u in said] == [5, 3]


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


def test_talk_times_of_both_sides_are_measured() -> None:
    """Speech per side, silence, the longest silence, and who broke in on whom."""
    events = listen(
        "=VVV====VV=..VV.....=",
        "====VV===VVV........=",
    )
    talk = one(events).talk
    assert talk.customer_s == pytest.approx(7.0, abs=0.1)
    assert talk.agent_s == pytest.approx(5.0, abs=0.1)
    assert talk.longest_silence_s == pytest.approx(2.0, abs=0.1)
    assert talk.silence_s == pytest.approx(2.0, abs=0.3)
    assert talk.interruptions == 1


def test_the_agents_voice_is_no_customer_utterance_and_ends_its_pads() -> None:
    """Nothing of the near end reaches into the far end's utterance."""
    events = listen("...vvvv.........", "...v...vvvvv....")
    assert carets(events, Side.CUSTOMER) == " ^^^^^^"


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
