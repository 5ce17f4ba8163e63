"""The hook switch, on gpiozero's mock pins and without any."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory

from sered.errors import DeviceError
from sered.tap.hook_switch import STEADY_S, HookSwitch

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def pins() -> Iterator[MockFactory]:
    """gpiozero on mock pins."""
    before = gpiozero.Device.pin_factory
    factory = gpiozero.Device.pin_factory = MockFactory()
    yield factory
    factory.reset()
    gpiozero.Device.pin_factory = before


def lifted(switch: HookSwitch) -> bool:
    """What the switch says now; a type checker remembers what it said before."""
    return switch.off_hook is True


def test_a_contact_to_ground_is_off_hook_when_the_pin_is_low(pins: MockFactory) -> None:
    """`low` means that a pin pulled to ground is off-hook."""
    clock = Clock()
    switch = HookSwitch(17, active="low", clock=clock)
    pin = pins.pin(17)
    assert not lifted(switch)
    pin.drive_low()
    clock.now += 1.1 * STEADY_S
    assert lifted(switch)
    switch.close()


def test_a_contact_to_the_supply_is_off_hook_when_the_pin_is_high(pins: MockFactory) -> None:
    """`high` means that a pin at the supply is off-hook."""
    clock = Clock()
    switch = HookSwitch(27, active="high", clock=clock)
    assert not lifted(switch)
    pins.pin(27).drive_high()
    clock.now += 1.1 * STEADY_S
    assert lifted(switch)
    switch.close()


def test_a_bouncing_contact_keeps_its_state_until_it_rests(pins: MockFactory) -> None:
    """While the contact bounces, what it said before holds."""
    clock = Clock()
    switch = HookSwitch(17, clock=clock)
    pin = pins.pin(17)
    seen = []
    for _ in range(6):
        pin.drive_low()
        clock.now += 0.004
        seen.append(switch.off_hook)
        pin.drive_high()
        clock.now += 0.004
        seen.append(switch.off_hook)
    pin.drive_low()
    clock.now += 0.9 * STEADY_S
    seen.append(switch.off_hook)
    clock.now += 0.2 * STEADY_S
    assert seen == [False] * 13
    assert lifted(switch)
    switch.close()


def test_a_pin_in_use_is_a_sentence_that_names_it(pins: MockFactory) -> None:
    """A pin that is taken is told by its setting."""
    first = HookSwitch(17)
    with pytest.raises(DeviceError, match="hook_gpio = 17 cannot be read"):
        HookSwitch(17)
    first.close()


def test_no_gpiozero_is_a_sentence_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without gpiozero the extra to install is named."""
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    with pytest.raises(DeviceError, match=r"install sered\[gpio\]"):
        HookSwitch(17)
