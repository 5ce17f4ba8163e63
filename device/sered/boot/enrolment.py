"""A new box gets its certificate: it makes its own key, asks central with a token, and waits."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sered import spelling
from sered.boot.plan import Write
from sered.boot.takeover import put
from sered.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sered.settings import Settings

_TIMEOUT_S = 30.0
_LARGEST = 65_536
_OK = 200


@dataclass(frozen=True, slots=True)
class Registrar:
    """Where central answers, and with what a box may ask."""

    address: str
    """https://HOST, as browsers have it."""
    token: str = field(repr=False)
    ca: Path | None = None
    """Certificate of the private authority behind its https; else the system's."""


class _NowhereElse(urllib.request.HTTPRedirectHandler):
    """A redirect would take the token along to somebody else."""

    def redirect_request(self, *_: object) -> None:
        """Never."""


def enrol(
    settings: Settings,
    registrar: Registrar,
    say: Callable[[str], object],
    wait_s: float,
    every_s: float,
) -> bool:
    """Write key and certificate where [mqtt] names them; False: nobody has approved in `wait_s`.

    A key that is there is kept, so that this may be done again. `say` is given sentences for a
    person. Raises ConfigError.
    """
    cert, key = settings.mqtt.cert, settings.mqtt.key
    if cert is None or key is None:
        msg = "[mqtt] must name cert and key: where the box's certificate and key are to lie."
        raise ConfigError(msg)
    if not key.exists():
        made = _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout")
        _write(key, made)
    name = f"{settings.site}.{settings.device}"
    request = _openssl("req", "-new", "-key", str(key), "-subj", f"/CN={name}")
    say(_answer(registrar, request)[1].decode().strip())
    until = time.monotonic() + wait_s
    while True:
        status, body = _answer(registrar, None)
        if status == _OK:
            break
        if time.monotonic() >= until:
            say(body.decode(errors="replace").strip())
            return False
        time.sleep(every_s)
    _fits(body, key)
    _write(cert, body)
    say(f"{cert}: the certificate of {name}.")
    return True


def _openssl(*words: str) -> bytes:
    program = shutil.which("openssl")
    if program is None:
        msg = "openssl is missing, which makes the box's key. Run: sudo apt install openssl"
        raise ConfigError(msg)
    done = subprocess.run([program, *words], capture_output=True, check=False, timeout=60)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        msg = f"openssl {words[0]} has failed: {said[-1]}."
        raise ConfigError(msg)
    return done.stdout


def _write(path: Path, content: bytes) -> None:
    try:
        put(Path("/"), Write(str(path.absolute()), content, 0o640, "sered"))
    except OSError as error:
        msg = f"{path}: cannot be written ({error.strerror}). Try with sudo."
        raise ConfigError(msg) from None


def _fits(certificate: bytes, key: Path) -> None:
    """Raise ConfigError where it is no certificate, or that of another key."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(certificate)
        file.flush()
        try:
            ssl.create_default_context().load_cert_chain(file.name, key)
        except (ssl.SSLError, OSError):
            msg = f"Central's answer is no certificate for {key}. Ask for a new token."
            raise ConfigError(msg) from None


def _answer(registrar: Registrar, request: bytes | None) -> tuple[int, bytes]:
    """Status and text; raises ConfigError with central's sentence where it refuses."""
    parts = urlsplit(registrar.address)
    host = parts.hostname or ""
    if not host or (parts.scheme != "https" and not spelling.is_loopback(host)):
        msg = f"Wanted https://HOST for central, found {registrar.address}: the token is a secret."
        raise ConfigError(msg)
    asked = urllib.request.Request(  # noqa: S310 - the scheme was looked at
        f"{registrar.address.rstrip('/')}/enrol",
        data=request,
        headers={"Authorization": f"Bearer {registrar.token}", "Content-Type": "text/plain"},
    )
    try:
        context = ssl.create_default_context(cafile=registrar.ca)
        https = urllib.request.HTTPSHandler(context=context)
        opener = urllib.request.build_opener(https, _NowhereElse())
        with opener.open(asked, timeout=_TIMEOUT_S) as found:
            return found.status, found.read(_LARGEST)
    except urllib.error.HTTPError as error:
        ours = error.headers.get_content_type() == "text/plain"
        said = error.read(_LARGEST).decode(errors="replace").strip() if ours else ""
        msg = said or f"{host} answers with {error.code}, which is not central's. Is it the board?"
        raise ConfigError(msg) from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        msg = f"{host}: cannot be reached ({reason}). Is the address right, and its certificate?"
        raise ConfigError(msg) from None
