"""Every setting of central: name, bounds, default and meaning; `central.toml` holds them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from sered.central.sections import (
    ChannelSettings,
    HoldoutSettings,
    Name,
    RingSettings,
    Section,
    SiteSettings,
    TeamSettings,
    zone,
)
from sered.central.sources import SourceSettings, StoreSettings


class LimitSettings(Section):
    """`[limits]`: what one box may send; more is set aside and counted."""

    calls_an_hour: int = Field(240, ge=1)
    """Calls of one box that ended in one hour of its own clock."""
    alerts_an_hour: int = Field(480, ge=1)
    """Alert messages of one box that speak of one hour of its own clock."""
    messages_a_minute: int = Field(6000, ge=1)
    """All messages of one box; a box that was away for a month stays below it."""
    kept: int = Field(1000, ge=0, le=100_000)
    """Messages set aside that are kept to be looked at; the rest are counted only."""


class DeliverySettings(Section):
    """`[delivery]`: how notifications go out."""

    allow: tuple[str, ...] = ()
    """Hosts that webhooks, ntfy and apprise may talk to."""
    address: str = "http://127.0.0.1:8470"
    """Address of the board as links in notifications have it."""
    give_up_h: float = Field(24.0, gt=0.0, le=720.0)
    """Hours after which a notification that no channel takes is given up, and said."""


class CaseSettings(Section):
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


class PbxSettings(Section):
    """`[pbx]`: where the numbers come from."""

    folder: Path | None = None
    """Folder with the exchange's call-detail records."""
    mapping: Literal["asterisk", "freeswitch", "cucm", "3cx", "own"] = "asterisk"
    """Which exchange wrote them; `own`: as [pbx.columns] says."""
    columns: dict[str, str] = Field(default_factory=dict)
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
    _tz = field_validator("tz")(zone)


class WebSettings(Section):
    """`[web]`: the board."""

    host: str = "127.0.0.1"
    """Address that it listens on."""
    port: int = Field(8470, ge=0, le=65_535)
    """Its port."""
    proxies: tuple[str, ...] = ("127.0.0.1",)
    """Names or addresses of web servers before it, which may say who asks."""
    cert: Path | None = None
    """Certificate of the board, PEM: it answers by https then. None: in clear."""
    key: Path | None = None
    """The certificate's private key, PEM."""

    @model_validator(mode="after")
    def _both(self) -> WebSettings:
        if (self.cert is None) != (self.key is None):
            msg = "needs `cert` and `key`, or neither of them"
            raise ValueError(msg)
        return self


class OidcSettings(Section):
    """`[oidc]`: a provider that says who somebody is (OpenID Connect); users are made here."""

    issuer: str = ""
    """Address of the provider, as its discovery document has it; none unless given."""
    client_id: str = "sered"
    """What the provider calls this board."""
    client_secret: SecretStr | None = None
    """Better: the credential `central-oidc-secret`."""
    claim: str = "preferred_username"
    """Claim that holds the login, for the first time; afterwards the subject counts."""
    title: str = "Log in with your organisation"
    """What the button says."""

    @field_validator("issuer")
    @classmethod
    def _secure(cls, value: str) -> str:
        here = ("http://127.0.0.1", "http://localhost", "http://[::1]")
        if value and not value.startswith(("https://", *here)):
            msg = "must begin with https:// (http:// on this machine only)"
            raise ValueError(msg)
        return value


class CourtesySettings(Section):
    """`[courtesy]`: calls to customers whose call raised no alert, to know what is missed."""

    calls_a_week: int = Field(0, ge=0, le=1000)
    """How many are drawn at random each week; 0: what is missed is not measured."""


class RetentionSettings(Section):
    """`[retention]`: how long what is kept; numbers: [pbx] keep_days; a [[site]] may differ."""

    scores_days: float = Field(400.0, ge=1.0)
    """Days after which calls, cases and what was said of them are deleted."""
    figures_days: float = Field(1130.0, ge=1.0)
    """Days after which counts by the hour and the day are deleted."""


class ReportSettings(Section):
    """`[report]`: the week on one page, by mail each Monday."""

    channels: tuple[Name, ...] = ()
    """smtp channels that it goes to, as HTML and PDF; none: no report is sent."""
    hour: int = Field(6, ge=0, le=23)
    """Hour of Monday from which it goes out."""
    tz: str = "UTC"
    """Time zone of that hour and of the week."""
    _tz = field_validator("tz")(zone)


class CentralSettings(Section):
    """The whole configuration of central."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """debug, info, warning or error."""
    key: SecretStr | None = None
    """Key of numbers and notes, 32 bytes as hex; better: the systemd credential `central-key`."""
    source: SourceSettings = SourceSettings()
    store: StoreSettings = StoreSettings()
    courtesy: CourtesySettings = CourtesySettings()
    retention: RetentionSettings = RetentionSettings()
    holdout: HoldoutSettings = HoldoutSettings()
    report: ReportSettings = ReportSettings()
    web: WebSettings = WebSettings()
    oidc: OidcSettings = OidcSettings()
    limits: LimitSettings = LimitSettings()
    cases: CaseSettings = CaseSettings()
    delivery: DeliverySettings = DeliverySettings()
    pbx: PbxSettings = PbxSettings()
    site: tuple[SiteSettings, ...] = ()
    team: tuple[TeamSettings, ...] = (TeamSettings(name="recovery"),)
    channel: tuple[ChannelSettings, ...] = ()
    ring: tuple[RingSettings, ...] = ()

    @model_validator(mode="after")
    def _names_fit(self) -> CentralSettings:
        teams = [team.name for team in self.team]
        channels = {channel.name for channel in self.channel}
        rings = {ring.name for ring in self.ring}
        wanted = (len(teams), len(self.channel), len(self.ring))
        if (len(set(teams)), len(channels), len(rings)) != wanted:
            msg = "every team, every channel and every ring needs a name of its own"
            raise ValueError(msg)
        if self.cases.fallback not in teams:
            msg = f"[cases] fallback must be a [[team]]: {', '.join(teams)}"
            raise ValueError(msg)
        mails = {channel.name for channel in self.channel if channel.kind == "smtp"}
        if strange := sorted(set(self.report.channels) - mails):
            msg = f"[report] channels must be smtp channels: {', '.join(strange)}"
            raise ValueError(msg)
        missing = {s.channel for team in self.team for s in team.step} - channels
        if missing:
            msg = f"steps name channels that are not there: {', '.join(sorted(missing))}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _numbers_go_first(self) -> CentralSettings:
        common = self.retention
        for site in (None, *self.site):
            numbers = (site and site.numbers_days) or self.pbx.keep_days
            scores = (site and site.scores_days) or common.scores_days
            counts = (site and site.figures_days) or common.figures_days
            if not numbers <= scores <= counts:
                where = f"[[site]] {site.id}" if site else "[retention]"
                msg = (
                    f"{where}: numbers must go before scores, and scores before counts; found "
                    f"{numbers:g}, {scores:g} and {counts:g} days"
                )
                raise ValueError(msg)
        return self

    def team_of(self, name: str) -> TeamSettings:
        """The team; that of the fallback where it is gone from the configuration."""
        known = {team.name: team for team in self.team}
        return known.get(name) or known[self.cases.fallback]

    def zone_of(self, site: str) -> str:
        """Time zone of a site."""
        return next((s.tz for s in self.site if s.id == site), "UTC")
