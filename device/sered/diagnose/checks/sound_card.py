"""The sound card of a line: there, meant, and ours to open; or the running service's word on it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from sered.diagnose.checks import service_user
from sered.diagnose.model import Context, Outcome, fault, ok
from sered.errors import DeviceError
from sered.tap import cards

if TYPE_CHECKING:
    from sered.contract.messages import LineHealth, LineStatus

_CARD_REASONS = {"no_device": "gone", "unplugged": "gone", "wrong_port": "wrong_port"}


def told_of(context: Context) -> tuple[LineStatus, LineHealth | None] | None:
    """What the running service says of this line; None: none runs with this configuration."""
    if context.service is None or context.outdated:
        return None
    name = context.this_line.name
    status = next((s for s in context.service.status.lines if s.line == name), None)
    if status is None:
        return None
    lines = context.service.health.lines if context.service.health else ()
    return status, next((h for h in lines if h.line == name), None)


def there(context: Context) -> Outcome:
    """Whether the card that is configured is there."""
    name = context.this_line.card
    if context.service is not None and told_of(context) is None and not context.outdated:
        return fault("restart", "the running service does not know this line")
    if told := told_of(context):
        for reason in told[0].reasons:
            if reason in _CARD_REASONS:
                return fault(_CARD_REASONS[reason], told[0].text, did_you_mean="")
        return ok(f"{name}, as the running service says")
    if cards.is_hardware(name):
        others = [line.card for line in context.known.line if line.name != context.this_line.name]
        return _hardware(name, others)
    return _input(name)


def _hardware(name: str, others: list[str]) -> Outcome:
    present = cards.read_cards()
    try:
        return ok(str(cards.find(name, present, others)))
    except DeviceError as error:
        if not present:
            return fault("no_card", "no sound card that can record")
        names = [each for card in present for each in card.names]
        known = {"no_device": "wrong_name", "wrong_port": "wrong_port"}
        return fault(known[error.reason], str(error), did_you_mean=_did_you_mean(name, names))


def _input(name: str) -> Outcome:
    """An input that is no card of the kernel's: an ALSA PCM, or the default one."""
    from sered.tap.capture_process import list_inputs

    service_user.become_service_user()
    names = [f"pcm:{found['name']}" for found in list_inputs()]
    if not names:
        return fault("no_card", "no input at all")
    if name in names or not name.startswith("pcm:"):
        return ok(name)
    found = f"no input {name}; found {', '.join(names) or 'none'}"
    return fault("wrong_name", found, did_you_mean=_did_you_mean(name, names))


def _did_you_mean(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"Did you mean {close[0]}? " if close else ""


def may_open(name: str) -> None:
    """Raise DeviceError where this user has no right to the card, or not yet."""
    if cards.is_hardware(name):
        refusal = cards.explain(cards.find(name, cards.read_cards()), "not tried")
        if refusal.reason in ("no_permission", "not_ready"):
            raise refusal
