"""Every setting of central: name, bounds, default and meaning; `central.toml` holds them."""

from __future__ import annotations

import zoneinfo
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from sered.central.cases.shifts import parse_shift

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
"""A word for tables and addresses: lower case, digits, - and _."""


class _Section(BaseModel):
    """Frozen, and an unknown key is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def _zone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        msg = "must be a time zone such as Europe/Berlin"
        raise ValueError(msg) from None
    return value


class SourceSettings(_Section):
    """`[source]`: the broker that boxes publish to; read only."""

    host: str = "localhost"
    """Name or address of the broker."""
    port: int = Field(1883, ge=1, le=65_535)
    """1883 in clear, 8883 with TLS."""
    username: str | None = None
    """Central's own login, which reads everything and writes nothing."""
    password: SecretStr | None = None
    """Better: a systemd credential `central-mqtt-password`, or SERED_CENTRAL_MQTT_PASSWORD."""
    client_id: str = "sered-central"
    """Name of the session that the broker keeps for central; one each instance."""
    base: str = "sered"
    """First level of every topic."""
    tls: bool = False
    """Encrypt, and check the broker's certificate and name."""
    ca: Path | None = None
    """Certificate of a private authority; else the system's."""
    cert: Path | None = None
    """Central's own certificate."""
    key: Path | None = None
    """Key of cert."""
    insecure: bool = False
    """Allow a password in clear text over a network."""
    keepalive_s: int = Field(30, ge=5, le=3600)
    """Seconds after which a silent connection is tested."""
    session_days: float = Field(7.0, gt=0.0, le=365.0)
    """How long the broker keeps what is for central while it is away."""
    batch: int = Field(200, ge=1, le=2000)
    """Messages that share one COMMIT, at most."""
    batch_ms: int = Field(50, ge=1, le=5000)
    """Milliseconds that the first of a batch waits for the others."""


class StoreSettings(_Section):
    """`[store]`: where everything is kept."""

    url: str = "sqlite:////var/lib/sered-central/central.db"
    """`sqlite:////PATH`, or `postgresql://USER@HOST/NAME`; a password comes by credential."""
    password: SecretStr | None = None
    """Better: a systemd credential `central-store-password`."""

    @field_validator("url")
    @classmethod
    def _known(cls, value: str) -> str:
        if not value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
            msg = "must begin with sqlite:/// or postgresql://"
            raise ValueError(msg)
        return value


class LimitSettings(_Section):
    """`[limits]`: what one box may send; more is set aside and counted."""

    message_bytes: int = Field(262_144, ge=4096, le=4_194_304)
    """Largest message."""
    calls_an_hour: int = Field(240, ge=1)
    """Calls of one box that ended in one hour of its own clock."""
    alerts_an_hour: int = Field(480, ge=1)
    """Alert messages of one box that speak of one hour of its own clock."""
    messages_a_minute: int = Field(6000, ge=1)
    """All messages of one box; a box that was away for a month stays below it."""
    kept: int = Field(1000, ge=0, le=100_000)
    """Messages set aside that are kept to be looked at; the rest are counted only."""


class SiteSettings(_Section):
    """`[[site]]`: one place with desks."""

    id: str
    """Second level of its topics."""
    name: str = ""
    """As people call it; its id unless given."""
    tz: str = "UTC"
    """Its time zone."""
    _tz = field_validator("tz")(_zone)


class StepSettings(_Section):
    """`[[team.step]]`: whom to tell, and when, as long as nobody acts."""

    after_s: float = Field(0.0, ge=0.0, le=604_800.0)
    """Seconds of the team's open hours after the case was opened."""
    channel: Name
    """Name of a [[channel]]."""
    unless: Literal["claimed", "called"] = "claimed"
    """What makes the step needless."""


class TeamSettings(_Section):
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
        return value if value is None else _zone(value)

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


class ChannelSettings(_Section):
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
    secret: SecretStr | None = None
    """Better: the credential. smtp: password; webhook: key of the signature; ntfy: token."""

    @model_validator(mode="after")
    def _complete(self) -> ChannelSettings:
        if self.kind == "smtp" and not (self.host and self.sender and self.to):
            msg = "smtp needs host, sender and to"
            raise ValueError(msg)
        if self.kind in {"webhook", "ntfy"} and not self.url.startswith(("https://", "http://")):
            msg = f"{self.kind} needs a url that begins with https:// (http:// on this machine)"
            raise ValueError(msg)
        return self


class DeliverySettings(_Section):
    """`[delivery]`: how notifications go out."""

    allow: tuple[str, ...] = ()
    """Hosts that webhooks, ntfy and apprise may talk to."""
    address: str = "http://127.0.0.1:8470"
    """Address of the board as links in notifications have it."""
    give_up_h: float = Field(24.0, gt=0.0, le=720.0)
    """Hours after which a notification that no channel takes is given up, and said."""


class CaseSettings(_Section):
    """`[cases]`: how cases come and go."""

    lease_s: float = Field(120.0, ge=10.0, le=3600.0)
    """A claim falls back into the queue after so long without a sign of its page."""
    late_after_s: float = Field(900.0, ge=60.0)
    """A call that arrives longer after its end is marked as late."""
    stale_after_s: float = Field(14_400.0, ge=60.0)
    """Nobody is woken for a call that arrives longer after its end."""
    expire_after_h: float = Field(72.0, gt=0.0)
    """An open case that nobody worked on is given up after so long, and counted."""
    undo_s: float = Field(60.0, ge=0.0, le=600.0)
    """How long the last step can be taken back."""
    join_days: float = Field(7.0, ge=0.0, le=60.0)
    """A caller whose case is open joins it within so many days."""
    storm_after: int = Field(5, ge=1)
    """More cases of one site and team than this ..."""
    storm_s: float = Field(600.0, ge=10.0)
    """... within so many seconds are grouped."""
    fallback: Name = "recovery"
    """Team that takes what nobody else takes."""


class PbxSettings(_Section):
    """`[pbx]`: where the numbers come from."""

    folder: Path | None = None
    """Folder with the exchange's call-detail records."""
    mapping: Literal["asterisk", "freeswitch", "cucm", "3cx", "own"] = "asterisk"
    """Which exchange wrote them; `own`: as [pbx.columns] says."""
    columns: dict[str, str] = {}
    """For `own`: id, extension, caller, started, answered, ended, direction to column names."""
    tz: str = "UTC"
    """Time zone of times that carry none."""
    ami_host: str = ""
    """Asterisk's manager interface; none unless given."""
    ami_port: int = Field(5038, ge=1, le=65_535)
    """Its port."""
    ami_username: str = ""
    """Its login; the secret is the credential `central-ami-password`."""
    ami_password: SecretStr | None = None
    """Better: the credential."""
    country: str = Field("", pattern=r"^\d{0,3}$")
    """Country code that numbers with one leading 0 belong to, e.g. 49."""
    keep_days: float = Field(30.0, ge=1.0)
    """Days after which numbers are forgotten."""
    _tz = field_validator("tz")(_zone)


class WebSettings(_Section):
    """`[web]`: the board."""

    host: str = "127.0.0.1"
    """Address that it listens on."""
    port: int = Field(8470, ge=0, le=65_535)
    """Its port."""


class CentralSettings(_Section):
    """The whole configuration of central."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """debug, info, warning or error."""
    key: SecretStr | None = None
    """Key of numbers and notes, 32 bytes as hex; better: the systemd credential `central-key`."""
    source: SourceSettings = SourceSettings()
    store: StoreSettings = StoreSettings()
    web: WebSettings = WebSettings()
    limits: LimitSettings = LimitSettings()
    cases: CaseSettings = CaseSettings()
    delivery: DeliverySettings = DeliverySettings()
    pbx: PbxSettings = PbxSettings()
    site: tuple[SiteSettings, ...] = ()
    team: tuple[TeamSettings, ...] = (TeamSettings(name="recovery"),)
    channel: tuple[ChannelSettings, ...] = ()

    @model_validator(mode="after")
    def _names_fit(self) -> CentralSettings:
        teams = [team.name for team in self.team]
        channels = {channel.name for channel in self.channel}
        if len(set(teams)) < len(teams) or len(channels) < len(self.channel):
            msg = "every team and every channel needs a name of its own"
            raise ValueError(msg)
        if self.cases.fallback not in teams:
            msg = f"[cases] fallback must be a [[team]]: {', '.join(teams)}"
            raise ValueError(msg)
        missing = {s.channel for team in self.team for s in team.step} - channels
        if missing:
            msg = f"steps name channels that are not there: {', '.join(sorted(missing))}"
            raise ValueError(msg)
        return self

    def team_of(self, name: str) -> TeamSettings:
        """The team; that of the fallback where it is gone from the configuration."""
        known = {team.name: team for team in self.team}
        return known.get(name) or known[self.cases.fallback]

    def zone_of(self, site: str) -> str:
        """Time zone of a site."""
        return next((s.tz for s in self.site if s.id == site), "UTC")
