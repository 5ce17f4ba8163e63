"""Ways out: SMTP, signed webhook, ntfy, Apprise for all others; each sends or says why not."""

from __future__ import annotations

import hashlib
import hmac
import json
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sered.central.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sered.central.notify.message import Message
    from sered.central.sections import ChannelSettings

TIMEOUT_S = 10.0
SIGNATURE = "X-Sered-Signature"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def send(channel: ChannelSettings, message: Message, allow: Collection[str], now: datetime) -> None:
    """Hand the message over; raises DeliveryError with one sentence that names the channel."""
    if channel.kind == "smtp":
        _smtp(channel, message)
    elif channel.kind == "webhook":
        _webhook(channel, message, allow, now)
    elif channel.kind == "ntfy":
        _ntfy(channel, message, allow)
    else:
        _apprise(channel, message, allow)


def signature(secret: str, at: int, body: bytes) -> str:
    """Value of the header by which a receiver knows central: HMAC-SHA-256 of `AT.BODY`."""
    made = hmac.digest(secret.encode(), f"{at}.".encode() + body, "sha256").hex()
    return f"t={at},v1={made}"


def check_target(channel: ChannelSettings, url: str, allow: Collection[str]) -> None:
    """Raise DeliveryError where the host is not on the list or would be spoken to in clear text."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host not in allow:
        msg = f"Channel {channel.name}: {host or 'its target'} is not in [delivery] allow."
        raise DeliveryError(f"{msg} Add it there if it is meant.")
    if parts.scheme == "http" and host not in _LOOPBACK:
        msg = f"Channel {channel.name}: http:// to {host} can be read along. Use https://."
        raise DeliveryError(msg)


def _smtp(channel: ChannelSettings, message: Message) -> None:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = message.title, channel.sender, ", ".join(channel.to)
    mail["Date"] = formatdate()
    # the same at every try: a mailbox shows one of two
    digest = hashlib.sha256(message.key.encode()).hexdigest()[:24]
    mail["Message-ID"] = f"<{digest}@sered.{channel.name}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    if message.html:
        mail.add_alternative(message.html, subtype="html")
    if message.pdf:
        mail.add_attachment(
            message.pdf, maintype="application", subtype="pdf", filename="sered-week.pdf"
        )
    context = ssl.create_default_context()
    try:
        if channel.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                channel.host, channel.port, timeout=TIMEOUT_S, context=context
            )
        else:
            server = smtplib.SMTP(channel.host, channel.port, timeout=TIMEOUT_S)
        with server:
            if channel.security == "starttls":
                server.starttls(context=context)
            elif channel.security == "none" and channel.host not in _LOOPBACK:
                msg = 'security = "none" is for a mail server on this machine only'
                raise DeliveryError(f"Channel {channel.name}: {msg}.")
            if channel.username and channel.secret:
                server.login(channel.username, channel.secret.get_secret_value())
            server.send_message(mail)
    except (smtplib.SMTPException, OSError) as error:
        where = f"the mail server {channel.host}:{channel.port}"
        msg = f"Channel {channel.name}: {where} did not take it ({_cause(error)})."
        raise DeliveryError(msg) from None


def _webhook(
    channel: ChannelSettings, message: Message, allow: Collection[str], now: datetime
) -> None:
    body = json.dumps(
        {
            "schema": "sered.case/1",
            **_event(message),
            "key": message.key,
            "case": message.case_id,
            "step": message.step,
            "site": message.site,
            "queue": message.queue,
            "team": message.team,
            "due_at": message.due_at.isoformat() if message.due_at else None,
            "more": message.more,
            "link": message.link,
        }
    ).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": message.key}
    if channel.secret:
        at = int(now.timestamp())
        headers[SIGNATURE] = signature(channel.secret.get_secret_value(), at, body)
    _post(channel, body, headers, allow)


def _event(message: Message) -> dict[str, str]:
    if message.event in {"step", "test"}:
        return {"event": message.event}
    return {"event": "state", "state": message.event}


def _ntfy(channel: ChannelSettings, message: Message, allow: Collection[str]) -> None:
    headers = {
        "Title": message.title.encode("ascii", "replace").decode(),
        "Click": message.link,
        "Priority": "5" if message.step else "4",
        "Tags": "telephone_receiver",
    }
    if channel.secret:
        headers["Authorization"] = f"Bearer {channel.secret.get_secret_value()}"
    _post(channel, message.text.encode(), headers, allow)


def _post(
    channel: ChannelSettings, body: bytes, headers: dict[str, str], allow: Collection[str]
) -> None:
    import httpx  # noqa: PLC0415 - only where something goes out by HTTP

    check_target(channel, channel.url, allow)
    try:
        # a redirect could lead where the list does not
        answer = httpx.post(
            channel.url, content=body, headers=headers, timeout=TIMEOUT_S, follow_redirects=False
        )
    except httpx.HTTPError as error:
        host = urlsplit(channel.url).hostname
        msg = f"Channel {channel.name}: {host} does not answer ({_cause(error)})."
        raise DeliveryError(msg) from None
    if not answer.is_success:
        msg = f"Channel {channel.name}: its server answered {answer.status_code}."
        raise DeliveryError(f"{msg} Check the url and the secret.")


def _apprise(channel: ChannelSettings, message: Message, allow: Collection[str]) -> None:
    import apprise  # noqa: PLC0415 - half a second and 30 MB, for those who use it

    url = channel.url or (channel.secret.get_secret_value() if channel.secret else "")
    target = apprise.Apprise()
    if not target.add(url):
        msg = f"Channel {channel.name}: Apprise does not know this kind of URL."
        raise DeliveryError(f"{msg} See its list of services.")
    host = getattr(target[0], "host", None)
    if host and host not in allow:
        msg = f"Channel {channel.name}: {host} is not in [delivery] allow."
        raise DeliveryError(f"{msg} Add it there if it is meant.")
    if not target.notify(title=message.title, body=message.text):
        msg = f"Channel {channel.name}: {type(target[0]).__name__} did not take it."
        raise DeliveryError(f"{msg} Check its URL and token.")


def _cause(error: Exception) -> str:
    said = str(error) or type(error).__name__
    return next(iter(said.splitlines()), said)[:200].rstrip(".")
