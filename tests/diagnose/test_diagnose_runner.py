"""The runner: deadlines, crashes, dependents, lanes."""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sered.diagnose import runner
from sered.diagnose.model import (
    Check,
    Context,
    Group,
    Mark,
    Outcome,
    Result,
    fault,
    judge,
    ok,
    skip_all,
)
from sered.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

LINES = Settings.model_validate({"line": [{"name": "front"}, {"name": "back"}]})


def check(run: Callable[[Context], Outcome], name: str = "a.one", **options: Any) -> Check:
    return Check(name, "it holds", "why", run, **options)


def run(*groups: Group, whole_run_s: float = 10.0) -> list[Result]:
    return list(runner.run(groups, Context(LINES), whole_run_s))


def alone(run_: Callable[[Context], Outcome], **options: Any) -> Result:
    (result,) = run(Group("a", "A", (check(run_, **options),), lane="a"))
    return result


def test_a_check_that_hangs_is_stopped_at_its_deadline_with_all_it_started(tmp_path: Path) -> None:
    """A check past its deadline is ended together with the processes that it began."""
    pid_file = tmp_path / "pid"

    def hang(_: Context) -> Outcome:
        pid_file.write_text(str(subprocess.Popen(["sleep", "60"]).pid))
        time.sleep(60)
        return ok("never")

    began = time.monotonic()
    result = alone(hang, deadline_s=0.5)
    assert time.monotonic() - began < 10.0, "the check itself would take a minute"
    assert (result.mark, result.fault) == (Mark.FAIL, "hung")
    assert "no answer within" in result.found
    stat = Path(f"/proc/{pid_file.read_text()}/stat")
    end = time.monotonic() + 2.0
    while stat.exists() and ") Z " not in stat.read_text() and time.monotonic() < end:
        time.sleep(0.02)
    assert not stat.exists() or ") Z " in stat.read_text()


def _raise(_: Context) -> Outcome:
    raise ZeroDivisionError("nothing to\ndivide by")


def _segfault(_: Context) -> Outcome:
    ctypes.string_at(0)
    return ok("never")


def _sleep(_: Context) -> Outcome:
    time.sleep(9)
    return ok("never")


def _leave(_: Context) -> Outcome:
    os._exit(3)


@pytest.mark.parametrize(
    ("crash", "said"),
    [
        (_raise, "crashed: ZeroDivisionError: nothing to"),
        (_segfault, "crashed: SIGSEGV"),
        (_leave, "crashed: ended with status 3 and no answer"),
        (lambda _: fault("unheard_of", "x"), "crashed: KeyError: 'unheard_of'"),
    ],
)
def test_a_check_that_crashes_is_a_failed_check_with_a_short_reason(
    crash: Callable[[Context], Outcome], said: str
) -> None:
    """A signal, an exit and an exception each fail the one check, with a short reason."""
    result = alone(crash)
    assert (result.mark, result.found, result.fault) == (Mark.FAIL, said, "crashed")
    assert "--bundle" in result.hint


def test_after_a_crash_and_a_hang_the_doctor_goes_on() -> None:
    """Checks after one that crashed or hung are run."""
    checks = (
        check(_segfault, "a.one"),
        check(lambda _: ok("fine"), "a.two"),
        check(_sleep, "a.three", deadline_s=0.2),
        check(lambda _: ok("fine"), "a.four"),
    )
    marks = [result.mark for result in run(Group("a", "A", checks, lane="a"))]
    assert marks == [Mark.FAIL, Mark.OK, Mark.FAIL, Mark.OK]


def test_a_fatal_failure_skips_the_rest_of_its_group_and_says_why() -> None:
    """What rests on a failed check is skipped and names it; other groups go on."""
    checks = (
        check(lambda _: fault("bad", "x"), "a.one", failures={"bad": "mend"}, fatal=True),
        check(lambda _: ok("never"), "a.two"),
    )
    other = Group("b", "B", (check(lambda _: ok("fine"), "b.one"),), lane="a")
    needy = Group("c", "C", (check(lambda _: ok(""), "c.one"),), lane="c", needs=("a.two",))
    first, second, third, fourth = run(Group("a", "A", checks, lane="a"), other, needy)
    assert (first.mark, first.hint) == (Mark.FAIL, "mend")
    assert (second.mark, second.found) == (Mark.SKIP, "a.one failed")
    assert third.mark is Mark.OK
    assert (fourth.mark, fourth.found) == (Mark.SKIP, "a.one failed")


def test_where_there_is_nothing_to_check_dependents_say_the_same_and_block_nobody() -> None:
    """A group with nothing to check gives its reason to its checks and stops no other group."""
    checks = (
        check(lambda _: skip_all("no words are judged"), "a.one"),
        check(lambda _: ok("never"), "a.two"),
    )
    needy = Group("c", "C", (check(lambda _: ok("fine"), "c.one"),), lane="c", needs=("a.two",))
    first, second, third = run(Group("a", "A", checks, lane="a"), needy)
    assert first.found == second.found == "no words are judged"
    assert third.mark is Mark.OK


def test_what_needs_the_configuration_is_skipped_without_it() -> None:
    """Without a configuration that can be read, checks that need it say so."""
    group = Group(
        "a", "A", (check(lambda _: ok("never")),), lane="a", needs=(runner.CONFIGURATION,)
    )
    (result,) = runner.run([group], Context(None))
    assert (result.mark, result.found) == (Mark.SKIP, "the configuration cannot be read")


def test_a_warning_is_told_by_the_checks_data_and_its_hint_is_filled() -> None:
    """A fault listed as a warning is one, its hint filled with what was found."""
    result = alone(
        lambda _: fault("little", "3 left", where="/var"),
        warnings={"little": "make room under {where}"},
    )
    assert (result.mark, result.hint) == (Mark.WARN, "make room under /var")


def test_each_line_is_checked_on_its_own_and_measures_pass_only_along_it() -> None:
    """A per-line group runs once a line, and no line sees another's measures."""

    def measure(context: Context) -> Outcome:
        return ok("", level=len(context.this_line.name))

    def tell(context: Context) -> Outcome:
        return ok(f"{context.this_line.name} {context.facts['level']}")

    checks = (check(measure, "a.one"), check(tell, "a.two"))
    results = run(Group("a", "A", checks, lane="a", per_line=True))
    assert [(r.line, r.found) for r in results if r.check.id == "a.two"] == [
        ("front", "front 5"),
        ("back", "back 4"),
    ]
    assert [r.line for r in results] == ["front", "front", "back", "back"]


def test_lanes_run_side_by_side_and_results_keep_their_order(tmp_path: Path) -> None:
    """Each check waits until all have begun: one after the other, none would ever end."""

    def meet(context: Context) -> Outcome:
        (tmp_path / str(os.getpid())).touch()
        while len(list(tmp_path.iterdir())) < 4:
            time.sleep(0.01)
        return ok("")

    groups = [Group(n, n, (check(meet, f"{n}.one"),), lane=n) for n in "abcd"]
    results = run(*groups)
    assert [result.check.id for result in results] == ["a.one", "b.one", "c.one", "d.one"]
    assert {result.mark for result in results} == {Mark.OK}


def test_the_whole_run_ends_in_its_time_whatever_hangs() -> None:
    """When the whole run's time is over, what is left is skipped."""

    def hang(_: Context) -> Outcome:
        time.sleep(60)
        return ok("")

    checks = tuple(check(hang, f"a.{n}", deadline_s=50.0) for n in range(5))
    began = time.monotonic()
    results = run(Group("a", "A", checks, lane="a"), whole_run_s=0.5)
    assert time.monotonic() - began < 10.0
    assert [result.mark for result in results] == [Mark.FAIL] + [Mark.SKIP] * 4
    assert results[-1].found == "the time for the whole run was over"


def test_the_chatter_of_libraries_does_not_reach_the_terminal(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """What a library writes to stdout or stderr inside a check is not shown."""

    def chatter(_: Context) -> Outcome:
        os.write(1, b"ALSA lib says\n")
        os.write(2, b"things\n")
        return ok("quiet")

    assert alone(chatter).found == "quiet"
    assert capfd.readouterr() == ("", "")


def test_what_strangers_wrote_steers_no_terminal() -> None:
    """Control and direction signs in what a broker or card says are replaced, long texts cut."""
    name = "\x1b[2Jcard\u202eevil\x07" + "x" * 100_000
    check = Check("box.card", "c", "w", lambda _: ok(""), failures={"f": "Unplug {what}."})
    result = judge(check, fault("f", f"{name}\nsecond line", what=name))
    for text in (result.found, result.hint):
        assert not {c for c in text if unicodedata.category(c) in {"Cc", "Cf"}} - {"\n"}
        assert "card" in text
        assert len(text) < 2_200
    assert result.found.splitlines()[1] == "second line"
