"""Judges a recording that somebody drops: by `sered analyze` in a process of its own, then forgets.

The sound is kept in memory only (a file without a disk behind it) and is gone when its verdict is
there; the verdict goes a quarter of an hour later. Nothing of it reaches store or statistics.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.responses import RedirectResponse, Response

from sered.central.errors import InputError, NotFoundError, NotNowError
from sered.central.web import say
from sered.central.web.guard import UPLOAD_BYTES
from sered.central.web.views import Visit, said, to_login, viewed, visit_of
from sered.contract.explain import explain
from sered.contract.messages import CallReport
from sered.errors import SeredError

if TYPE_CHECKING:
    from starlette.requests import Request

WAITING = 4
"""Recordings that may wait or be judged at once: two cores judge an hour in a minute."""
LONGEST_S = 600.0
_KEPT_S = 900.0
_SUFFIX = 12


@dataclass(slots=True)
class Job:
    """One recording on its way."""

    owner: int
    name: str
    began: float = field(default_factory=time.monotonic)
    done: bool = False
    error: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list, repr=False)
    sentences: list[list[str]] = field(default_factory=list, repr=False)


class Jobs:
    """The recordings of a board that are being judged or were just now; two at a time."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._turn = threading.Semaphore(2)

    def begin(self, owner: int, name: str, sound: bytes) -> str:
        """Take a recording; raises NotNowError while too many wait."""
        with self._lock:
            self._forget()
            if sum(not job.done for job in self._jobs.values()) >= WAITING:
                msg = "Other recordings are being judged just now. Try again in a minute."
                raise NotNowError(msg)
            key = secrets.token_urlsafe(12)
            self._jobs[key] = job = Job(owner, say.plain(name) or "recording")
        threading.Thread(target=self._run, args=(job, sound), daemon=True).start()
        return key

    def find(self, owner: int, key: str) -> Job:
        """Somebody's own recording; raises NotFoundError."""
        with self._lock:
            self._forget()
            job = self._jobs.get(key)
        if job is None or job.owner != owner:
            msg = "This recording was judged and forgotten, or is somebody else's."
            raise NotFoundError(msg)
        return job

    def _run(self, job: Job, sound: bytes) -> None:
        with self._turn:
            try:
                job.calls = judge(job.name, sound)
                job.sentences = [explain(CallReport.model_validate(call)) for call in job.calls]
            except SeredError as error:
                job.error = str(error)
            except (OSError, ValueError) as error:
                job.error = f"This could not be analysed ({type(error).__name__})."
            job.done = True

    def _forget(self) -> None:
        old = time.monotonic() - _KEPT_S
        for key in [key for key, job in self._jobs.items() if job.done and job.began < old]:
            del self._jobs[key]


def judge(name: str, sound: bytes) -> list[dict[str, Any]]:
    """Reports of the calls in a recording; raises InputError with the engine's own sentence."""
    suffix = Path(name).suffix[:_SUFFIX]
    # memory that looks like a folder, where there is one: sound is never written to a disk
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - as said above
    with tempfile.TemporaryDirectory(prefix=f"sered-{os.getpid()}-", dir=place) as folder:
        path = Path(folder) / f"recording{suffix if suffix[1:].isalnum() else ''}"
        path.write_bytes(sound)
        command = [sys.executable, "-P", "-m", "sered", "analyze", str(path), "--json"]
        try:
            ended = subprocess.run(
                command, capture_output=True, text=True, timeout=LONGEST_S, check=False
            )
        except subprocess.TimeoutExpired:
            msg = f"This took longer than {LONGEST_S / 60:.0f} minutes and was given up."
            raise InputError(msg) from None
    try:
        (found,) = json.loads(ended.stdout)
    except ValueError:
        last = ended.stderr.strip().splitlines()[-1:] or ["no answer"]
        msg = f"This could not be analysed: {last[0].replace(str(path), name)}"
        raise InputError(msg) from None
    if found["error"]:
        raise InputError(found["error"].replace(str(path), name))
    calls: list[dict[str, Any]] = found["calls"]
    if not calls:
        msg = f"No call was found in {name}: nobody speaks in it."
        raise InputError(msg)
    return calls


def page(visit: Visit) -> Response:
    """Where a recording is dropped."""
    return visit.page("analyse.html", job=None, key="", most=UPLOAD_BYTES // 2**20)


def result(visit: Visit) -> Response:
    """How far it is; the verdict when it is there."""
    key = visit.request.path_params["key"]
    job = _jobs(visit.request).find(visit.actor.id, key)
    response = visit.page("analyse.html", job=job, key=key, most=0)
    if not job.done:
        # without script, too
        response.headers["refresh"] = "2"
    return response


async def upload(request: Request) -> Response:
    """A recording was sent, as a form; it stays in memory whatever its size."""
    visit = None
    try:
        visit = await run_in_threadpool(visit_of, request)
        if visit is None:
            return to_login(request)
        name, sound = await _received(request, visit)
        key = _jobs(request).begin(visit.actor.id, name, sound)
    except SeredError as error:
        return said(error, visit)
    return RedirectResponse(f"/analyse/{key}", HTTPStatus.SEE_OTHER)


show = viewed(result)


async def _received(request: Request, visit: Visit) -> tuple[str, bytes]:
    parser = MultiPartParser(request.headers, request.stream(), max_files=1, max_fields=3)
    parser.spool_max_size = UPLOAD_BYTES + 1
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError):
        msg = "Wanted a recording, sent by the form of this page; found something else."
        raise InputError(msg) from None
    try:
        file, token = form.get("recording"), form.get("csrf", "")
        if isinstance(token, str) and secrets.compare_digest(token.encode(), visit.csrf.encode()):
            if file is None or isinstance(file, str) or not (sound := await file.read()):
                msg = "Wanted a recording; found nothing. Choose a file first."
                raise InputError(msg)
            return file.filename or "recording", sound
    finally:
        await form.close()
    msg = "This page was too old to act on. Open it again and repeat what you did."
    raise InputError(msg)


def _jobs(request: Request) -> Jobs:
    jobs: Jobs = request.app.state.jobs
    return jobs
