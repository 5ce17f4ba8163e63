"""Sections of central's configuration about the broker it reads and the database it keeps."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from sered import spelling
from sered.central.sections import Section


class SourceSettings(Section):
    """`[source]`: the broker that boxes publish to; read only."""

    host: str = "localhost"
    """Name or address of the broker."""
    port: int = Field(1883, ge=1, le=65_535)
    """1883 in clear; with TLS 8884, the door of readers in the mosquitto.conf that we hand out."""
    username: str | None = None
    """Central's own login, which reads everything and writes nothing."""
    password: SecretStr | None = None
    """Better: a systemd credential `central-mqtt-password`."""
    client_id: str | None = None
    """Name of the session that the broker keeps for central; one each instance, and none that a
    box could guess. Made of what only central knows (its key or password) unless given."""
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
    amqp: tuple[str, ...] = ()
    """Nodes of a RabbitMQ 4 cluster, amqps://HOST:5671/ each: in place of host and port, when
    several ingesters share one queue."""
    queue: str = Field("sered-central", min_length=1, max_length=128)
    """Name of that queue."""

    @field_validator("amqp", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("amqp")
    @classmethod
    def _nodes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for url in value:
            parts = urlsplit(url)
            if parts.scheme not in {"amqp", "amqps"} or not parts.hostname:
                msg = f"must be amqp://HOST:PORT/ or amqps://HOST:PORT/, found {url}"
                raise ValueError(msg)
            if parts.username or parts.password:
                msg = "must name hosts only: the login is `username` and the password's credential"
                raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _no_word_in_clear(self) -> SourceSettings:
        for url in self.amqp:
            parts = urlsplit(url)
            safe = parts.scheme == "amqps" or spelling.is_loopback(parts.hostname or "")
            if self.password is not None and not safe and not self.insecure:
                msg = (
                    f"amqp would send its password to {parts.hostname} in clear text: use amqps://"
                    ", or insecure = true to send it all the same"
                )
                raise ValueError(msg)
        return self


class StoreSettings(Section):
    """`[store]`: where everything is kept."""

    url: str = "sqlite:////var/lib/sered-central/central.db"
    """`sqlite:////PATH`, or `postgresql://USER@HOST/NAME`; a password comes by credential."""
    password: SecretStr | None = None
    """Better: a systemd credential `central-store-password`."""
    keep_months: int = Field(0, ge=0, le=240)
    """PostgreSQL: calls of the months before so many whole ones are dropped; 0: none are."""

    @field_validator("url")
    @classmethod
    def _known(cls, value: str) -> str:
        if not value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
            msg = "must begin with sqlite:/// or postgresql://"
            raise ValueError(msg)
        return value
