"""The page of new boxes: for everybody who may decide, without barriers."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from sered.central import enrolment
from sered.central.people import Role

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from board_stage import Look, Served


def asked(board: Served, folder: Path, device: str) -> None:
    """A box that made its key and asked for a certificate."""
    key = folder / f"{device}.key"
    subprocess.run(
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], check=True
    )
    command = ["openssl", "req", "-new", "-key", str(key), "-subj", f"/CN=berlin.{device}"]
    made = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    enrolment.ask(board.central, enrolment.issue(board.central, "berlin", device), made)


def test_new_boxes_are_approved_without_barriers(
    served: Callable[..., Served], look: Callable[..., Look], tmp_path: Path
) -> None:
    """Empty and with a box that asks, on a desk, and on a phone in the dark: axe finds nothing, the
    page is no wider than the window, and a press of the button approves the box.
    """
    board = served()
    board.person("ada", Role.ADMIN)
    windows = [
        look(board, "ada", **options)
        for options in ({}, {"viewport": {"width": 390, "height": 800}, "color_scheme": "dark"})
    ]
    for device in ("", "desk1", "desk2"):
        if device:
            asked(board, tmp_path, device)
        for window in windows:
            window.go("/enrolments")
            assert window.page.locator("h1").inner_text() == "New boxes"
            assert window.barriers() == []
            wide = window.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= window.page.viewport_size["width"]  # type: ignore[index]  # it has one
    phone = windows[-1].page
    phone.get_by_role("button", name="Approve berlin/desk1").click()
    expect(phone.locator("tbody form")).to_have_count(1)
    states = {row.device: row.state for row in enrolment.listed(board.central)}
    assert states == {"desk1": "approved", "desk2": "asked"}
