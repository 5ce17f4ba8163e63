"""The page that judges a recording: the engine's own verdict, and no sound left behind."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import sered

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    import pytest

    from board_stage import Served

CALL = Path(sered.__file__).parent / "demo" / "call.wav"


def judged(board: Served, client: httpx.Client, name: str, sound: bytes) -> str:
    """Drop a recording and wait for its page."""
    files = {"recording": (name, sound, "audio/wav")}
    answer = client.post("/analyse", data={"csrf": board.csrf(client)}, files=files)
    assert answer.status_code == 303, answer.text
    end = time.monotonic() + 60
    while time.monotonic() < end:
        page = client.get(answer.headers["location"])
        if "refresh" not in page.headers:
            return page.text
        time.sleep(0.3)
    raise AssertionError("never judged")


def test_a_dropped_call_gets_face_verdict_picture_and_reasons(
    served: Callable[..., Served], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo call is judged as the command line does, and no sound stays on any disk."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    board = served()
    board.person("ann")
    client = board.client("ann")
    page = judged(board, client, "call.wav", CALL.read_bytes())
    assert "Alert the service-recovery team" in page
    assert "worst moment" in page
    assert "with " in page
    assert "certainty" in page
    assert not list(tmp_path.rglob("*.wav"))
    assert not list(Path("/dev/shm").glob(f"sered-{os.getpid()}-*"))


def test_what_is_no_call_is_said_in_a_sentence(served: Callable[..., Served]) -> None:
    """A text, an empty file and a file that is none: one sentence each, with the name it had."""
    board = served()
    board.person("ann")
    client = board.client("ann")
    page = judged(board, client, "letter.wav", b"dear sir or madam " * 50)
    assert "letter.wav: wanted a recording" in page
    assert "/dev/shm" not in page
    token = board.csrf(client)
    empty = client.post(
        "/analyse", data={"csrf": token}, files={"recording": ("a.wav", b"", "audio/wav")}
    )
    assert "Choose a file first." in empty.text
    nothing = client.post("/analyse", data={"csrf": token})
    assert nothing.status_code == 422


def test_another_persons_verdict_is_not_shown(served: Callable[..., Served]) -> None:
    """The address of a verdict is worth nothing to somebody else."""
    board = served()
    board.person("ann")
    board.person("bob")
    ann = board.client("ann")
    files = {"recording": ("call.wav", CALL.read_bytes(), "audio/wav")}
    where = ann.post("/analyse", data={"csrf": board.csrf(ann)}, files=files).headers["location"]
    assert board.client("bob").get(where).status_code == 404
    assert judged(board, ann, "again.wav", CALL.read_bytes())


def test_a_form_without_the_token_judges_nothing(served: Callable[..., Served]) -> None:
    """As everywhere: no token, no work."""
    board = served()
    board.person("ann")
    files = {"recording": ("call.wav", b"x" * 100, "audio/wav")}
    answer = board.client("ann").post("/analyse", data={"csrf": "no"}, files=files)
    assert answer.status_code == 422
