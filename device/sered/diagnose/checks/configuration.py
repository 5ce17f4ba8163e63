"""Checks of the configuration: it reads, the box has a name, secrets are secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered import spelling
from sered.config.secret import read_text
from sered.contract import topics
from sered.diagnose.model import Check, Context, Fix, Group, Outcome, fault, ok, skip

if TYPE_CHECKING:
    from pathlib import Path

_OTHERS = 0o007
_BOOT_SECRETS = ("boot/firmware/sered-mqtt-password", "boot/firmware/sered-box.key")
"""What a box takes over from its card when it starts."""


def _reads(context: Context) -> Outcome:
    if context.settings is None:
        return fault("faulty", context.config_error)
    if context.config_path is None:
        return fault("none", "no file: every setting has its default")
    lines = len(context.settings.line)
    return ok(f"{context.config_path}, {lines} line{'s' if lines > 1 else ''}")


def _in_force(context: Context) -> Outcome:
    if context.service is None:
        return skip("no service runs here")
    if context.service.configuration is None:
        return fault("untold", "the running service does not say which configuration it uses")
    if context.outdated:
        return fault("older", "the running service uses an older or another configuration")
    return ok("the running service uses it")


def _named(context: Context) -> Outcome:
    settings = context.known
    found = topics.root(settings.mqtt.base, settings.site, settings.device).rstrip("/")
    if settings.site == type(settings).model_fields["site"].default:
        return fault("unnamed", f"{found}: no site of its own")
    return ok(found)


def _secret_files(context: Context) -> list[Path]:
    """The files with secrets in them that are there."""
    if context.settings is None:
        return []
    mqtt = context.settings.mqtt
    files = [mqtt.password_file, mqtt.key]
    if _in_the_open(context):
        files.append(context.config_path)
    return [path for path in files if path is not None and path.exists()]


def _in_the_open(context: Context) -> bool:
    """Whether the password is written in the configuration itself."""
    import tomllib

    if context.config_path is None:
        return False
    try:
        tree = tomllib.loads(read_text(context.config_path))
    except (OSError, ValueError):
        return False
    return bool(tree.get("mqtt", {}).get("password"))


def _secrets(context: Context) -> Outcome:
    files = _secret_files(context)
    if not files:
        return skip("no password and no key is configured in a file")
    readable = [path for path in files if path.stat().st_mode & _OTHERS]
    if readable:
        names = " ".join(str(path) for path in readable)
        return fault("readable", f"everybody may read {names}", names=names)
    return ok(", ".join(str(path) for path in files))


def _on_boot_partition(context: Context) -> Outcome:
    left = [path for name in _BOOT_SECRETS if (path := context.root / name).exists()]
    if not left:
        return ok("none")
    names = " ".join(str(path) for path in left)
    return fault("left", f"{len(left)} left behind", names=names)


def _close(context: Context) -> None:
    for path in _secret_files(context):
        path.chmod(path.stat().st_mode & ~_OTHERS)


def _clear_text(context: Context) -> Outcome:
    mqtt = context.known.mqtt
    where = f"{mqtt.host}:{mqtt.port}"
    if mqtt.tls:
        return ok(f"{where}, encrypted")
    if spelling.is_loopback(mqtt.host):
        return ok(f"{where} is this box itself")
    if mqtt.password is not None:
        return fault("password", f"a password goes to {where} in clear text")
    return fault("clear", f"verdicts go to {where} in clear text")


def _words(context: Context) -> Outcome:
    privacy = context.known.privacy
    if privacy.transcript and not privacy.redact:
        return fault("unmasked", "what the customer said, unmasked")
    if privacy.transcript:
        return fault("words", "what the customer said, numbers masked")
    return ok("scores and lexicon phrases" if privacy.terms else "scores")


CHECKS = (
    Check(
        "configuration.reads",
        "the configuration can be read",
        "Everything else depends on it; an unknown key is a fault, so that a typing mistake "
        "cannot switch something off unseen.",
        _reads,
        failures={
            "faulty": "Mend what is named; `sered config check` lists all faults at once, "
            "`sered config show` the settings in force."
        },
        warnings={
            "none": "`sudo sered config init /etc/sered/sered.toml` writes one to start from."
        },
        fatal=True,
    ),
    Check(
        "configuration.in_force",
        "the running service uses this configuration",
        "A service reads it once, when it starts: what was changed since is not in force.",
        _in_force,
        failures={"older": "sudo systemctl restart sered"},
        warnings={"untold": "It is of an older version: sudo systemctl restart sered"},
    ),
    Check(
        "configuration.named",
        "the box has a site and a name",
        "They are the topics' first levels: central tells boxes apart by them.",
        _named,
        warnings={"unnamed": "Set `site` (and `device`, else the host name) in the configuration."},
    ),
    Check(
        "configuration.secrets",
        "only the service may read the secrets",
        "A password or key that everybody may read is nobody's secret.",
        _secrets,
        failures={"readable": "sudo chmod o-rwx {names}"},
        fix=Fix(("readable",), "take the files' permissions from others: chmod o-rwx", _close),
    ),
    Check(
        "configuration.boot",
        "no secret lies on the boot partition",
        "It has no file modes: any account on the box reads it, and any computer the card.",
        _on_boot_partition,
        warnings={
            "left": "The box has taken them over; delete them: sudo rm {names}",
        },
    ),
    Check(
        "configuration.encrypted",
        "the way to the broker is private",
        "What customers felt, and the password, can be read on the way otherwise.",
        _clear_text,
        warnings={
            "password": "Set `tls = true` and port 8883 in [mqtt]; docs/mqtt shows how to make "
            "the certificates.",
            "clear": "Set `tls = true` and port 8883 in [mqtt], or use a network that is yours "
            "alone.",
        },
    ),
    Check(
        "configuration.privacy",
        "only scores leave the box",
        "By default no word that was said leaves the box but words of sered's own lists.",
        _words,
        warnings={
            "words": "[privacy] transcript is on: see docs/law.md before it stays so.",
            "unmasked": "[privacy] transcript is on and redact is off: card numbers leave the "
            "box. Switch redact on.",
        },
    ),
)

GROUP = Group("configuration", "Configuration", CHECKS, lane="box")
