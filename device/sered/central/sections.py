"""Sections of central's configuration about sites, teams and channels, and what sections share."""

from __future__ import annotations

import zoneinfo
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from sered.central.cases.shifts import parse_shift

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
"""A word for tables and addresses: lower case, digits, - and _."""


class Section(BaseModel):
    """Frozen, and an unknown key is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def zone(value: str) -> str:
    """The name of a time zone; ValueError says what was wanted."""
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        msg = "must be a time zone such as Europe/Berlin"
        raise ValueError(msg) from None
    return value


class SiteSettings(Section):
    """`[[site]]`: one place with desks."""

    id: str
    """Second level of its topics."""
    name: str = ""
    """As people call it; its id unless given."""
    tz: str = "UTC"
    """Its time zone."""
    numbers_days: float | None = Field(None, ge=1.0)
    """Days after which its callers' numbers are forgotten; those of [pbx] unless given."""
    scores_days: float | None = Field(None, ge=1.0)
    """The same for its calls, cases and what was said of them; [retention] unless given."""
    figures_days: float | None = Field(None, ge=1.0)
    """The same for its counts by the hour and the day."""
    _tz = field_validator("tz")(zone)


class RingSettings(Section):
    """`[[ring]]`: boxes that get a new version together; central watches, and changes no box."""

    name: Name
    """Name of the ring."""
    boxes: tuple[str, ...] = Field(min_length=1)
    """SITE/DEVICE each; `*` stands for anything. A box is in the first ring that names it."""

    @field_validator("boxes")
    @classmethod
    def _places(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for box in value:
            if box.count("/") != 1 or not all(box.split("/")):
                msg = f"must be SITE/DEVICE such as berlin-3/desk-12 or berlin-3/*, found {box}"
                raise ValueError(msg)
        return value


class HoldoutSettings(Section):
    """`[holdout]`: leave some cases of low severity without a call back, by lot, for a while."""

    share: float = Field(0.0, ge=0.0, le=0.5)
    """Of the cases that take part; 0: everybody is called back."""
    score_above: float = Field(-0.65, ge=-1.0, le=0.0)
    """Only cases with at least this score take part."""
    until: date | None = None
    """Last day; it ends by itself."""
    planned: int = Field(0, ge=0)
    """Cases in each arm that the page "Would they have called again anyway?" asks for."""

    @model_validator(mode="after")
    def _planned(self) -> HoldoutSettings:
        if self.share and (self.until is None or not self.planned):
            msg = (
                "a share needs `until` and `planned`: /figures/holdout says how many cases each "
                "arm needs to show an effect; nobody goes without a call back for nothing"
            )
            raise ValueError(msg)
        return self


class StepSettings(Section):
    """`[[team.step]]`: whom to tell, and when, as long as nobody acts."""

    after_s: float = Field(0.0, ge=0.0, le=604_800.0)
    """Seconds of the team's open hours after the case was opened."""
    channel: Name
    """Name of a [[channel]]."""
    unless: Literal["claimed", "called"] = "claimed"
    """What makes the step needless."""


class TeamSettings(Section):
    """`[[team]]`: people who call back, when they are there, and what is theirs."""

    name: Name
    """Name on the board."""
    title: str = ""
    """As people call it, e.g. "Product knowledge"."""
    causes: tuple[str, ...] = ()
    """Causes that it takes; none: all."""
    sites: tuple[str, ...] = ()
    """Sites that it takes; none: all."""
    queues: tuple[str, ...] = ()
    """Queues that it takes; none: all."""
    due_s: float = Field(300.0, ge=10.0, le=604_800.0)
    """Seconds of its open hours from a call's end to the call back."""
    tz: str | None = None
    """Its time zone; that of the call's site unless given."""
    shift: tuple[str, ...] = ()
    """Open hours such as `mon-fri 08:00-12:00`; several a day are fine; none: always open."""
    holidays: tuple[date, ...] = ()
    """Days on which nobody is there."""
    step: tuple[StepSettings, ...] = ()
    """Steps of escalation, in the order of their time."""

    @field_validator("tz")
    @classmethod
    def _tz(cls, value: str | None) -> str | None:
        return value if value is None else zone(value)

    @field_validator("shift")
    @classmethod
    def _shift(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            parse_shift(text)
        return value

    @field_validator("step")
    @classmethod
    def _in_order(cls, value: tuple[StepSettings, ...]) -> tuple[StepSettings, ...]:
        times = [step.after_s for step in value]
        if times != sorted(times):
            msg = "steps must stand in the order of their after_s"
            raise ValueError(msg)
        return value


class ChannelSettings(Section):
    """`[[channel]]`: a way to tell people; its secret: credential `central-channel-NAME`."""

    name: Name
    """Name that steps use."""
    kind: Literal["smtp", "webhook", "ntfy", "apprise"]
    """smtp, webhook (signed), ntfy or apprise (any of its services)."""
    host: str = ""
    """smtp: the mail server."""
    port: int = Field(587, ge=1, le=65_535)
    """smtp: its port."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """smtp: how it is encrypted; `none` only on this machine."""
    username: str = ""
    """smtp: login; the secret is its password."""
    sender: str = ""
    """smtp: From address."""
    to: tuple[str, ...] = ()
    """smtp: addresses."""
    url: str = ""
    """webhook, ntfy, apprise: where to; for apprise the secret may be the whole URL instead."""
    user: str = ""
    """Login of the one person who reads it: only then a link claims with one tap."""
    states: bool = False
    """webhook: tell it every state of every case, for a help desk that takes cases over."""
    secret: SecretStr | None = None
    """Better: the credential. smtp: password; webhook: key of the signature; ntfy: token."""

    @model_validator(mode="after")
    def _complete(self) -> ChannelSettings:
        if self.kind == "smtp" and not (self.host and self.sender and self.to):
            msg = "smtp needs host, sender and to"
            raise ValueError(msg)
        if self.states and self.kind != "webhook":
            msg = "states = true is for a webhook: people are told by steps"
            raise ValueError(msg)
        if self.kind in {"webhook", "ntfy"} and not self.url.startswith(("https://", "http://")):
            msg = f"{self.kind} needs a url that begins with https:// (http:// on this machine)"
            raise ValueError(msg)
        return self
