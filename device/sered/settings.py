"""Every setting of the appliance: name, bounds, default and meaning; a section for each part."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
)

from sered import names, spelling
from sered.channels import Channel, parse_sides

if TYPE_CHECKING:
    from sered.records import Side

Mode = Literal["audio", "text", "both"]
PlanName = Literal["auto", "na", "etsi", "uk", "fr", "au"]


def _host_name() -> str:
    return socket.gethostname().split(".")[0] or "box"


class _Section(BaseModel):
    """Frozen, and an unknown key is a fault."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


def _no_blanks_around(value: str) -> str:
    if not value or value != value.strip():
        msg = "wanted a text without blanks around it"
        raise ValueError(msg)
    return value


def _no_folder(value: object) -> object:
    """A path that ends as folders do would lose its end when it is read."""
    if isinstance(value, str) and value.rstrip().endswith(("/", "/.", "/..")):
        msg = (
            f"wanted the path of a file; found a folder's, {value!r}: name a file in it, as in "
            "/var/lib/sered/spool.db"
        )
        raise ValueError(msg)
    return value


_Word = Annotated[str, Field(max_length=256), AfterValidator(_no_blanks_around)]
"""What a broker compares sign by sign."""


class LineSettings(_Section):
    """`[[line]]`: one desk phone."""

    name: str = "line1"
    """Name in topics and reports."""
    card: Annotated[str, AfterValidator(spelling.card)] = "default"
    """Stable name: `card:ID`, `usb:VENDOR:PRODUCT[:SERIAL]`, `path:BUS` or `pcm:NAME`."""
    sides: str = "customer=right,agent=left"
    """Who is heard on which channel (left, right, 1 to 8, mono); a shared one is `mixed=mono`."""
    rate_hz: Annotated[int, Field(ge=8_000, le=96_000)] | None = None
    """Rate to open the card at; none: its own."""
    tones: PlanName = "auto"
    """The exchange's tones: auto, na (North America), etsi, uk, fr or au."""
    hook_gpio: Annotated[int, Field(ge=0, le=27)] | None = None
    """BCM number of the hook switch's pin, if wired."""
    hook_active: Literal["low", "high"] = "low"
    """Level of the pin when the handset is lifted."""

    _name = field_validator("name")(names.level)

    @field_validator("sides")
    @classmethod
    def _sides(cls, value: str) -> str:
        parse_sides(value)
        return value

    @property
    def channels(self) -> dict[Side, Channel]:
        """Channel of each side."""
        return parse_sides(self.sides)


class CallSettings(_Section):
    """`[calls]`: when a call begins and ends."""

    hang_over_s: float = Field(30.0, ge=2.0, le=600.0)
    """Silence that ends a call when no tone does."""
    hold_limit_s: float = Field(1800.0, ge=10.0, le=14_400.0)
    """How long hold music or ringback keeps a call open."""
    max_call_s: float = Field(14_400.0, ge=60.0, le=86_400.0)
    """A call longer than this is cut in two."""


LANGUAGES = ("en",)
"""What callers may speak: tables, lexicon and network of sentences are there."""


class ModelSettings(_Section):
    """`[models]`: files; a relative one lies beside the configuration, else with sered's own."""

    emotion: Path = Path("emotion.tflite")
    """The speech-emotion network; its sidecar lies beside it as .json."""
    vosk: Path = Path("vosk-mini")
    """`vosk-mini` is for the demo and the tests: a site runs an official model."""
    recogniser: Literal["vosk", "whisper"] = "vosk"
    """What turns speech into words: `vosk` on a box; `whisper` for archives and strong machines,
    with sered[whisper] and a folder of yours (docs/words.md)."""
    whisper: Path = Path("whisper-base")
    """Folder of a Whisper network in CTranslate2's form."""
    whisper_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    """SHA-256 of its model.bin: another one is refused."""
    language: Annotated[str, Field(pattern="^[a-z]{2}$")] = "en"
    """What callers speak, in two letters. sered reads `en`; docs/words.md says what another one
    takes."""
    lexicon: Path = Path("call-lexicon.tsv")
    """What customers say on the phone, with its valence."""
    sentences: Path = Path("context.tflite")
    """The network of sentences beside the lexicon, its .json and .words beside it:
    `sentence.tflite` for a small box; `none`: without, as for a lexicon of another language."""


class CauseSettings(_Section):
    """`[[verdict.cause]]`: phrases that point at a probable cause."""

    name: _Word
    """Word that reports carry in `causes`."""
    phrases: tuple[Annotated[str, AfterValidator(spelling.phrase)], ...] = Field(min_length=1)
    """Spoken form: words without digits and punctuation."""


Odds = tuple[Annotated[float, Field(gt=0.0, le=20.0)], Annotated[float, Field(ge=-20.0, le=20.0)]]
"""Slope and offset of log-odds."""


class VerdictSettings(_Section):
    """`[verdict]`: from utterances to one verdict."""

    escalate_below: float = Field(-0.5, ge=-1.0, le=0.0)
    """Call score at or under which somebody should call back; as it is, one or two in a hundred
    calls that are not negative raise an alarm (docs/verdict-evidence.md)."""
    provisional_below: float = Field(-0.75, ge=-1.0, le=0.0)
    """Running score at or under which an alert goes out before the call is over."""
    provisional_speech_s: float = Field(50.0, ge=0.0, le=600.0)
    """Customer speech before such an alert; the more, the rarer one is withdrawn."""
    min_speech_s: float = Field(3.0, ge=0.0, le=60.0)
    """Customer speech under which there is no verdict."""
    odds_voice: Odds | None = None
    """Slope and offset of the log-odds that a call judged by its voice alone is negative; those
    that come with sered unless given. `sered central calibrate` fits all of these."""
    odds_words: Odds | None = None
    """The same of a call judged by its words alone."""
    odds_both: Odds | None = None
    """The same of a call judged by both."""
    calibration: Annotated[str, Field(pattern=r"^[a-z0-9-]{0,40}$")] = ""
    """Digest of what central fitted; reports say it in `versions`."""
    extra_lexicon: Path | None = None
    """A site's own phrases, in the form of call-lexicon.tsv."""
    cause: tuple[CauseSettings, ...] = ()
    """Added to the causes that come with sered."""


class MqttSettings(_Section):
    """`[mqtt]`: the broker."""

    host: Annotated[str, AfterValidator(spelling.host)] = "localhost"
    """Name or address of the broker."""
    port: int = Field(1883, ge=1, le=65_535)
    """1883 in clear, 8883 with TLS."""
    username: _Word | None = None
    """Login at the broker."""
    password: SecretStr | None = None
    """Better: password_file, a systemd credential `mqtt-password`, or SERED_MQTT_PASSWORD."""
    password_file: Path | None = None
    """File whose first line is the password; blanks around it do not count."""
    client_id: _Word | None = None
    """Made of site, device and what only this box knows (its key or password) unless given."""
    base: str = "sered"
    """First level of every topic, or several with / between them."""
    version: Literal["5", "3.1.1"] = "5"
    """MQTT version."""
    keepalive_s: int = Field(60, ge=5, le=3600)
    """Seconds after which a silent connection is tested."""
    tls: bool = False
    """Encrypt, and check the broker's certificate and name."""
    ca: Path | None = None
    """Certificate of a private authority; else the system's."""
    cert: Path | None = None
    """This box's own certificate."""
    key: Path | None = None
    """Key of cert."""
    insecure: bool = False
    """Allow a password in clear text over a network."""
    retain: bool = True
    """Off for brokers that refuse retained messages."""
    expiry_s: int = Field(2_592_000, ge=60, le=4_294_967_295)
    """How long a broker keeps a verdict for a subscriber that is away (MQTT 5)."""
    await_subscriber: bool = False
    """Keep verdicts until somebody is subscribed; only brokers with MQTT 5 tell."""
    live: bool = False
    """Publish every customer utterance while the call runs."""
    home_assistant: bool = False
    """Announce the box to Home Assistant."""

    _base = field_validator("base")(names.levels)


class SpoolSettings(_Section):
    """`[spool]`: what waits for the broker."""

    path: Annotated[Path, BeforeValidator(_no_folder)] = Path("/var/lib/sered/spool.db")
    """SQLite file of what the broker has not acknowledged."""
    max_days: float = Field(30.0, ge=0.01, le=36_500.0)
    """Age at which the oldest is given up, counted and said."""
    max_mb: float = Field(1024.0, ge=1.0, le=1_048_576.0)
    """Size at which the oldest is given up, counted and said."""


class PrivacySettings(_Section):
    """`[privacy]`: what may leave the box besides scores."""

    terms: bool = True
    """Publish the words of sered's lists that moved the score (no others)."""
    transcript: bool = False
    """Publish what the customer said, word for word."""
    redact: bool = True
    """Mask digits, card numbers and e-mail addresses in words that leave the box."""
    redact_words: tuple[str, ...] = ()
    """Words to mask besides."""


class Settings(_Section):
    """The whole configuration."""

    site: str = "site"
    """Where the box stands; the level after the base in every topic."""
    device: str = Field(default_factory=_host_name, validate_default=True)
    """Name of the box, by default its host name; the level after the site in every topic."""
    mode: Mode = "both"
    """What is judged: audio (voice), text (words) or both."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """debug, info, warning or error."""
    health_every_s: float = Field(60.0, ge=1.0, le=3600.0)
    """Seconds between `health` messages, a tenth more or less; the first follows earlier, so that
    boxes which got power at once do not speak at once. 300 for more than 5,000 boxes."""
    page_port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    """Port of the box's own read-only page on the local network, 80 as a rule; none: no page."""
    led: Annotated[str, Field(pattern=r"^[\w:.-]{1,64}$")] = "ACT"
    """Which light of the board says how the box is, by its name in /sys/class/leds; `none`: it is
    left alone."""
    line: tuple[LineSettings, ...] = Field((LineSettings(),), min_length=1, max_length=8)
    calls: CallSettings = CallSettings()
    models: ModelSettings = ModelSettings()
    verdict: VerdictSettings = VerdictSettings()
    mqtt: MqttSettings = MqttSettings()
    spool: SpoolSettings = SpoolSettings()
    privacy: PrivacySettings = PrivacySettings()

    _site = field_validator("site")(names.level)

    @field_validator("device")
    @classmethod
    def _device(cls, value: str) -> str:
        try:
            return names.level(value)
        except ValueError as error:
            if value != _host_name():
                raise
            msg = f"{error}; it is this box's host name unless device says another"
            raise ValueError(msg) from None

    @field_validator("line")
    @classmethod
    def _unique(cls, lines: tuple[LineSettings, ...]) -> tuple[LineSettings, ...]:
        names = [line.name for line in lines]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            msg = f"every line needs a name of its own; found {twice[0]!r} twice"
            raise ValueError(msg)
        return lines
