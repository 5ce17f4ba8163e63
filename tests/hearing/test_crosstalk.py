"""What leaks from one side into the other is the other's own nowhere, down to its last block."""

from __future__ import annotations

import pytest

from sered.hearing.crosstalk import Ownership
from sered.records import State

NOISE_DB, LEAK_DB, VOICE_DB = -51.0, -45.0, -19.0
UNLEARNT = (-72.0, -72.0)
"""Floors from before the handset was lifted."""


def _agent(after_db: list[float]) -> list[State]:
    """The agent's blocks after a voice that leaked: all of them are speech to the detector."""
    owners = Ownership()
    blocks = 48
    speech = ([State.SPEECH] * blocks, [State.SPEECH] * blocks)
    quiet = [LEAK_DB if at % 8 else NOISE_DB for at in range(blocks)]
    owners.settle(speech, ([VOICE_DB] * blocks, quiet), UNLEARNT)
    assert set(speech[1]) == {State.SILENCE}
    # the far end's own detector hangs over, too: at its noise
    hang = [State.SPEECH] * 4 + [State.SILENCE] * len(after_db)
    near = [State.SPEECH] * len(hang)
    owners.settle((hang, near), ([NOISE_DB] * len(hang), [NOISE_DB] * 4 + after_db), UNLEARNT)
    return near[4:]


def test_a_detectors_hang_over_after_a_leak_is_nobodys() -> None:
    """The noise that the detector still takes for a voice is silence, whatever the floor was."""
    assert set(_agent([NOISE_DB] * 20)) == {State.SILENCE}


@pytest.mark.parametrize("over_db", [8.0, 20.0])
def test_who_answers_into_a_leak_is_heard(over_db: float) -> None:
    """A voice that rises above the noise is the agent's own, from its first block on."""
    after = _agent([NOISE_DB] * 8 + [NOISE_DB + over_db] * 12)
    assert after[:7] == [State.SILENCE] * 7
    assert set(after[9:]) == {State.SPEECH}
