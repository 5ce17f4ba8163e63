"""The board's own address: https with a certificate of its own, and who may say who asks."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from pydantic import ValidationError

from board_stage import PASSWORD
from broker import Authority
from sered.central.settings import WebSettings
from sered.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from board_stage import Served


def _wrong(board: Served, login: str, word: str, asks: str) -> int:
    form = {"login": login, "password": word}
    headers = {"x-forwarded-for": asks}
    return httpx.post(
        f"{board.address}/login", data=form, headers=headers, timeout=60.0
    ).status_code


def test_a_web_server_before_the_board_may_be_named(served: Callable[..., Served]) -> None:
    """Behind a proxy that is named, not numbered, one who guesses passwords locks out himself."""
    board = served(web={"port": 0, "proxies": ["localhost"]})
    board.person("ann")
    for n in range(6):
        assert _wrong(board, f"guess{n}", "whatever it is", "10.9.9.9") == 403
    assert _wrong(board, "ann", PASSWORD, "10.9.9.9") == 403
    assert _wrong(board, "ann", PASSWORD, "10.1.1.1") == 303


def test_a_proxy_without_an_address_is_named(served: Callable[..., Served]) -> None:
    """A name that leads nowhere would make everybody one address: it is refused with its name."""
    with pytest.raises(ConfigError, match=r"proxies: front\.invalid has no address"):
        served(web={"port": 0, "proxies": ["front.invalid"]})


def test_the_board_answers_by_https_itself(served: Callable[..., Served], tmp_path: Path) -> None:
    """With a certificate it speaks TLS and nothing else."""
    authority = Authority(tmp_path / "ca")
    cert, key = authority.issue("localhost")
    board = served(web={"port": 0, "cert": str(cert), "key": str(key)})
    port = httpx.URL(board.address).port
    context = ssl.create_default_context(cafile=authority.certificate)
    answer = httpx.get(f"https://localhost:{port}/alive", verify=context, timeout=60.0)
    assert answer.status_code == 200
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"{board.address}/alive", timeout=60.0)


def test_a_certificate_that_cannot_be_used_is_said(
    served: Callable[..., Served], tmp_path: Path
) -> None:
    """A key of another certificate, or a file that is not there, ends with a sentence."""
    authority = Authority(tmp_path / "ca")
    cert, _ = authority.issue("localhost")
    _, other = authority.issue("elsewhere")
    for key in (other, tmp_path / "nowhere.key"):
        with pytest.raises(ConfigError, match=r"\[web\] cert, key: .* cannot be used"):
            served(web={"port": 0, "cert": str(cert), "key": str(key)})


def test_half_a_certificate_is_refused() -> None:
    """A certificate without its key is a mistake, not a board in clear."""
    with pytest.raises(ValidationError, match="needs `cert` and `key`"):
        WebSettings(cert=Path("board.crt"))
