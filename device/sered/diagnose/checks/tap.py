"""Checks of each line's tap: its card, whether it opens, and how what it carries sounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.diagnose.checks import service_user, sound_card
from sered.diagnose.model import Check, Context, Group, Outcome, fault, ok, skip_all
from sered.errors import DeviceError
from sered.records import RATE_HZ, Side

if TYPE_CHECKING:
    from sered.diagnose.checks.line_probe import Listened

_PATIENCE_S = 13.0
"""Seconds for a card to open and give sound; some take many."""
_RATE_OFF = 0.08
"""Share; 44.1 kHz played as 48 kHz is 0.088 off, an honest card far less."""
_OPEN_REASONS = ("not_ready", "no_permission", "busy", "no_frames", "failed")


def _opens(context: Context) -> Outcome:
    if context.outdated:
        return skip_all("the running service has another configuration and may have the card")
    if told := sound_card.told_of(context):
        status, _ = told
        reason = next((reason for reason in status.reasons if reason in _OPEN_REASONS), None)
        if reason:
            return fault(reason, status.text, card=context.this_line.card)
        return ok(f"the running service {status.text or 'hears it'}".rstrip("."))
    from sered.diagnose.checks.line_probe import listen

    user = service_user.become_service_user()
    try:
        sound_card.may_open(context.this_line.card)
        heard = listen(context.this_line, _PATIENCE_S)
    except DeviceError as error:
        name = error.reason if error.reason in _OPEN_REASONS else "failed"
        return fault(name, str(error), user=user, card=context.this_line.card)
    return ok(f"{user} {heard.sentence}".rstrip("."), listened=heard)


def _heard(context: Context) -> Listened | None:
    heard: Listened | None = context.facts.get("listened")
    return heard


def _frames(context: Context) -> Outcome:
    if told := sound_card.told_of(context):
        status, health = told
        if "behind" in status.reasons:
            return fault("behind", status.text)
        if health is None:
            return ok("the service has just begun")
        found = f"{health.lost_s:.1f} s lost, {health.restarts} restarts since the service began"
        return fault("lost", found) if health.lost_s >= 1.0 else ok(found)
    heard = _heard(context)
    assert heard is not None, "the tap was opened"
    lost_s = heard.lost / RATE_HZ
    share_lost = lost_s / (heard.heard_s + lost_s)
    if heard.rate > 1.0 + _RATE_OFF or heard.rate + share_lost < 1.0 - _RATE_OFF:
        return fault("wrong_rate", f"{heard.rate:.2f} s of sound a second")
    if lost_s:
        return fault("overruns", f"{lost_s * 1000:.0f} ms lost in {heard.heard_s:.0f} s")
    return ok(f"{heard.heard_s:.0f} s without a gap")


def _found(context: Context, *reasons: str) -> tuple[str, str] | None:
    """(reason, sentence) of the first of these that is the matter with the sound."""
    if told := sound_card.told_of(context):
        return next(((r, told[0].text) for r in told[0].reasons if r in reasons), None)
    heard = _heard(context)
    findings = heard.findings if heard else ()
    return next(((f.reason, str(f)) for f in findings if f.reason in reasons), None)


def _level(context: Context) -> Outcome:
    if bad := _found(context, "digital_silence", "silent_line", "low_level"):
        return fault(*bad)
    heard = _heard(context)
    if heard is None:
        return ok("as the running service hears it")
    each = (f"{s} {h.level_db:.0f} dBFS (floor {h.floor_db:.0f})" for s, h in heard.sides.items())
    return ok(", ".join(each))


def _clipping(context: Context) -> Outcome:
    if bad := _found(context, "clipping"):
        return fault(*bad)
    heard = _heard(context)
    if heard is None:
        return ok("as the running service hears it")
    return ok(", ".join(f"{s} peaks at {h.peak_db:.0f} dBFS" for s, h in heard.sides.items()))


def _offset(context: Context) -> Outcome:
    if bad := _found(context, "dc_offset"):
        return fault(*bad)
    heard = _heard(context)
    if heard is None:
        return ok("as the running service hears it")
    return ok(f"{max(abs(h.offset) for h in heard.sides.values()):.1%} of full scale")


def _hum(context: Context) -> Outcome:
    bad = _found(context, "hum")
    if bad:
        return fault(*bad)
    return ok("none that stands out" if _heard(context) else "as the running service hears it")


def _sides(context: Context) -> Outcome:
    line = context.this_line
    if Side.MIXED in line.channels:
        return fault("mixed", "customer and agent share one channel")
    for reason, name in (("same_on_both", "same"), ("sides_exchanged", "swapped")):
        if bad := _found(context, reason):
            return fault(name, bad[1], sides=_swap(context))
    heard = _heard(context)
    return ok(f"{line.sides}, as configured") if heard is None else _sides_heard(context, heard)


def _sides_heard(context: Context, heard: Listened) -> Outcome:
    """What a few seconds of sound tell of the sides."""
    if heard.same:
        return fault("same", "both channels carry the same sound")
    if heard.tone_on is Side.AGENT:
        return fault("swapped", "the exchange's tone is on the agent's side", sides=_swap(context))
    if heard.tone_on is Side.CUSTOMER:
        return ok("the exchange's tone is on the customer's side")
    return ok(f"{context.this_line.sides}; lift the handset for more: --lift-handset")


def _swap(context: Context) -> str:
    """The `sides` that puts right what was heard."""
    channels = context.this_line.channels
    return f"customer={channels[Side.AGENT]},agent={channels[Side.CUSTOMER]}"


CHECKS = (
    Check(
        "tap.card",
        "the sound card is there",
        "Cards are found by a name that stays; another card is never taken instead.",
        sound_card.there,
        failures={
            "no_card": "Plug the sound card in (a USB one: try another port; `lsusb` must show "
            "it, `dmesg | tail` says what the kernel thinks of it).",
            "wrong_name": "{did_you_mean}`sered devices` prints the names that [[line]] card may "
            "have.",
            "wrong_port": "{did_you_mean}Plug the card back into the port that the configuration "
            "names, or take its new name from `sered devices`.",
            "gone": "Plug it in again; sered goes on by itself. `sered devices` lists what is "
            "there now.",
            "restart": "sudo systemctl restart sered",
        },
        deadline_s=10.0,
        fatal=True,
    ),
    Check(
        "tap.opens",
        "the service may open the card, and sound comes in",
        "It is opened as the service's user; while the service runs, it is asked instead.",
        _opens,
        failures={
            "not_ready": "Wait some seconds: the system is still making its device. If it "
            "stays, `sudo udevadm trigger --subsystem-match=sound`; in a container, pass /dev/snd "
            "through.",
            "no_permission": "`sudo usermod -aG audio sered`, then `sudo systemctl restart "
            "sered`: sound cards belong to the group audio.",
            "busy": "Another program records from it: stop that (a desktop's sound server: "
            "`systemctl --user stop pulseaudio pipewire`), or take a card of sered's own.",
            "no_frames": "It opens but gives no sound: unplug it and plug it in again, without a "
            "hub between; a weak power supply does this too (system.power).",
            "failed": "Unplug it and plug it in again; is a channel in [[line]] sides that it "
            "does not have? `sered devices` shows its channels.",
        },
        deadline_s=16.0,
        fatal=True,
    ),
    Check(
        "tap.frames",
        "sound arrives without gaps and at the right speed",
        "Lost sound is lost words; a wrong speed is a wrong voice.",
        _frames,
        failures={
            "behind": "This box is too slow for its lines: see words.speed and system.speed.",
            "wrong_rate": "The card does not keep its own rate: set [[line]] rate_hz to 48000 or "
            "44100, or use another card. (An ALSA `file` PCM runs as fast as it is read.)",
        },
        warnings={
            "overruns": "A busy box or a weak USB supply: look at system.power and at `top`, and "
            "use a port of the box itself, not of a hub.",
            "lost": "Look at system.power and at the card's cable. The count begins anew when the "
            "service does.",
        },
    ),
    Check(
        "tap.level",
        "each side of the line is alive and loud enough",
        "Talk at -40 to -15 dBFS is judged best; a connected line is never wholly silent.",
        _level,
        failures={
            "digital_silence": "Nothing but zeros: is the tap's lead in the input (not the "
            "output), is the input unmuted (`alsamixer`, F4)? See docs/wiring.md.",
            "silent_line": "One side is dead while the other talks: its lead is out, or its "
            "channel is muted (`alsamixer`, F4).",
        },
        warnings={
            "low_level": "Turn the capture level up (`alsamixer`, F4) until talk shows between "
            "-40 and -15 dBFS in `sered diagnose --watch`."
        },
    ),
    Check(
        "tap.clipping",
        "the sound is not clipped",
        "A clipped voice sounds angry to the network.",
        _clipping,
        failures={
            "clipping": "Turn the capture level down (`alsamixer`, F4), switch off a microphone "
            "boost, or use the line input: a line tap is too loud for a microphone's."
        },
    ),
    Check(
        "tap.offset",
        "the sound has no offset",
        "An offset eats into what the card can carry and tells of a faulty part.",
        _offset,
        warnings={
            "dc_offset": "A faulty tap or sound card, or a microphone's supply on the input: try "
            "another one, or an isolating transformer."
        },
    ),
    Check(
        "tap.hum",
        "the mains do not hum",
        "50 or 60 Hz come in over a ground loop and hide quiet talk.",
        _hum,
        warnings={
            "hum": "Break the ground loop: a tap with a transformer, another power supply for "
            "the box, both on one socket. See docs/wiring.md."
        },
    ),
    Check(
        "tap.sides",
        "customer and agent are told apart",
        "The agent's voice must never be judged for feelings.",
        _sides,
        failures={
            "same": "This tap is mono: both people are on both channels. Use a stereo tap, or say "
            'sides = "mixed=mono" in [[line]] and read docs/law.md.'
        },
        warnings={
            "swapped": 'The sides look exchanged: set sides = "{sides}" in [[line]], and make '
            "sure with `sered diagnose --lift-handset`.",
            "mixed": "The agent's voice cannot be kept out: every report says so. A stereo tap "
            "would; see docs/law.md.",
        },
    ),
)

GROUP = Group("tap", "Tap", CHECKS, lane="tap", per_line=True, needs=("configuration.reads",))
