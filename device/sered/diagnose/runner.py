"""Runs checks, each in a child process of its own with a deadline, so that none ends the doctor."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from dataclasses import dataclass, field, replace
from multiprocessing import connection
from typing import TYPE_CHECKING, Any

from sered.diagnose.child import Child, answer, fork, how_it_died, kill
from sered.diagnose.model import Check, Context, Group, Mark, Outcome, Result, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sered.settings import LineSettings

CONFIGURATION = "configuration.reads"
"""What most groups need."""
WHOLE_RUN_S = 29.0
"""After that, what has not run is skipped."""
_NOBODY_HOME = (
    "This is a fault of the doctor or of a library under it. Send `sered diagnose --bundle "
    "sered.tar.gz` to whoever looks after this box."
)
_HUNG = (
    "Something under it does not answer. Try again; if it stays so, restart the box, then look "
    "at what the claim is about."
)


@dataclass(slots=True)
class _Job:
    check: Check
    line: LineSettings | None
    needs: tuple[str, ...]
    result: Result | None = None

    @property
    def line_name(self) -> str | None:
        return self.line.name if self.line else None


@dataclass(slots=True)
class _Lane:
    """Jobs that run one after the other."""

    jobs: deque[_Job] = field(default_factory=deque)
    job: _Job | None = None
    child: Child | None = None


def run(
    groups: Sequence[Group],
    context: Context,
    whole_run_s: float = WHOLE_RUN_S,
    waits_for: Callable[[Check], None] = lambda _: None,
) -> Iterator[Result]:
    """Results in the order of the groups, each as soon as it and all before it are known.

    Every check runs in a forked process: a hang ends at its deadline, a crash, even of a C
    library, is a failed check. The caller has no threads running. `waits_for` is told which
    check the next result waits for.
    """
    return _Run(groups, context, whole_run_s).results(waits_for)


class _Run:
    """One run of the doctor: single-threaded, it only waits and starts children."""

    def __init__(self, groups: Sequence[Group], context: Context, whole_run_s: float) -> None:
        self._context = context
        self._end = time.monotonic() + whole_run_s
        self._facts: dict[str | None, dict[str, Any]] = {}
        self._failed: dict[str, Result] = {}
        self._open: set[str] = set()
        self._broken: dict[tuple[str, str | None], Result] = {}
        self._lanes: dict[str, _Lane] = {}
        self._order: list[_Job] = []
        for group in groups:
            self._plan(group)

    def _plan(self, group: Group) -> None:
        settings = self._context.settings
        lines: Sequence[LineSettings | None] = (None,)
        if group.per_line and settings is not None:
            lines = settings.line
        for line in lines:
            lane = self._lanes.setdefault(f"{group.lane}/{line.name if line else ''}", _Lane())
            for check in group.checks:
                job = _Job(check, line, (*group.needs, *check.needs))
                lane.jobs.append(job)
                self._order.append(job)
                self._open.add(check.id)

    def results(self, waits_for: Callable[[Check], None]) -> Iterator[Result]:
        """See `run`."""
        waiting = deque(self._order)
        try:
            while waiting:
                self._start_what_can()
                while waiting and (result := waiting[0].result) is not None:
                    waiting.popleft()
                    yield result
                if waiting:
                    waits_for(waiting[0].check)
                    self._wait()
        finally:
            for lane in self._lanes.values():
                if lane.child:
                    kill(lane.child)

    def _start_what_can(self) -> None:
        moved = True
        while moved:
            moved = False
            for lane in self._lanes.values():
                while lane.child is None and lane.jobs and self._ready(lane.jobs[0]):
                    moved = True
                    self._start(lane, lane.jobs.popleft())

    def _ready(self, job: _Job) -> bool:
        return not any(need in self._open for need in job.needs)

    def _start(self, lane: _Lane, job: _Job) -> None:
        if blocked := self._why_not(job):
            self._finish(job, blocked, {})
            return
        context = replace(
            self._context,
            line=job.line,
            facts={**self._facts.get(None, {}), **self._facts.get(job.line_name, {})},
        )
        lane.job, lane.child = job, fork(job.check, context)

    def _why_not(self, job: _Job) -> Result | None:
        """The skipped result of a job that cannot run."""
        before = self._broken.get((job.check.group, job.line_name))
        if before is not None and before.mark is Mark.SKIP and not before.blocked:
            return _skipped(job, before.found)
        before = before or next((self._failed[n] for n in job.needs if n in self._failed), None)
        if before is not None:
            why = before.found if before.blocked else f"{before.check.id} failed"
            return _skipped(job, why, blocked=True)
        if CONFIGURATION in job.needs and self._context.settings is None:
            first = next(iter(self._context.config_error.splitlines()), "").rstrip(".")
            why = "the configuration cannot be read" + (f" ({first})" if first else "")
            return _skipped(job, why, blocked=True)
        if time.monotonic() >= self._end:
            return _skipped(job, "the time for the whole run was over", blocked=True)
        return None

    def _wait(self) -> None:
        children = [lane.child for lane in self._lanes.values() if lane.child]
        assert children, "a check needs one that comes later in its own lane"
        left = min([self._end - time.monotonic(), *(child.left_s for child in children)])
        connection.wait([child.pipe for child in children], timeout=max(left, 0.0))
        over = time.monotonic() >= self._end
        for lane in self._lanes.values():
            job, child = lane.job, lane.child
            if job is None or child is None:
                continue
            if child.pipe.poll():
                lane.child = None
                self._take(job, child)
            elif child.left_s <= 0 or over:
                lane.child = None
                kill(child)
                took = time.monotonic() - child.began
                found = f"no answer within {took:.0f} s; stopped"
                result = Result(job.check, job.line_name, Mark.FAIL, found, _HUNG, "hung", took)
                self._finish(job, result, {})

    def _take(self, job: _Job, child: Child) -> None:
        took = time.monotonic() - child.began
        found: Outcome | str | None = None
        with contextlib.suppress(EOFError, OSError):
            found = child.pipe.recv()
        ended = kill(child)
        if isinstance(found, Outcome):
            result = judge(job.check, found, job.line_name, took)
            if found.ends_group:
                self._broken.setdefault((job.check.group, job.line_name), result)
            self._finish(job, result, found.facts)
            return
        said = found or how_it_died(ended)
        result = Result(job.check, job.line_name, Mark.FAIL, said, _NOBODY_HOME, "crashed", took)
        self._finish(job, result, {})

    def _finish(self, job: _Job, result: Result, facts: Any) -> None:
        job.result = result
        self._facts.setdefault(job.line_name, {}).update(facts)
        if result.mark is Mark.FAIL and job.check.fatal:
            self._broken.setdefault((job.check.group, job.line_name), result)
        if result.mark is Mark.FAIL or result.blocked:
            self._failed.setdefault(job.check.id, result)
        if not any(j.check.id == job.check.id and j.result is None for j in self._order):
            self._open.discard(job.check.id)


def _skipped(job: _Job, why: str, *, blocked: bool = False) -> Result:
    return Result(job.check, job.line_name, Mark.SKIP, why, blocked=blocked)


def cheap(groups: Sequence[Group], context: Context) -> list[Result]:
    """The cheap checks, here and now, in this thread: what the service looks at as it runs."""
    results = []
    for check in (check for group in groups for check in group.checks if check.cheap):
        found = answer(check, context)
        if isinstance(found, str):
            results.append(Result(check, None, Mark.FAIL, found, _NOBODY_HOME, "crashed"))
        else:
            results.append(judge(check, found))
    return results
