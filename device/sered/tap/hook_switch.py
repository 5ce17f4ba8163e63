"""The hook switch on a GPIO pin, through gpiozero, with its bounces taken out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from sered.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Callable

STEADY_S = 0.05
"""A contact that has not moved for so long has stopped bouncing."""


class HookSwitch:
    """Whether the handset is lifted.

    `gpio` is the BCM number of the pin; `active` its level while the handset is up (the pull
    resistor goes the other way). Raises DeviceError with a sentence where there are no such pins.
    """

    def __init__(
        self,
        gpio: int,
        active: Literal["low", "high"] = "low",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        try:
            from gpiozero import DigitalInputDevice, GPIOZeroError  # noqa: PLC0415 - an extra
        except ImportError as error:
            msg = (
                f"hook_gpio = {gpio} needs gpiozero, which is not installed: "
                "install sered[gpio], or take hook_gpio out of the configuration."
            )
            raise DeviceError(msg, reason="failed") from error
        try:
            self._pin = DigitalInputDevice(gpio, pull_up=active == "low")
        except GPIOZeroError as error:
            msg = (
                f"hook_gpio = {gpio} cannot be read ({error}): run on a Raspberry Pi as a member "
                "of the group gpio, or take hook_gpio out of the configuration."
            )
            raise DeviceError(msg, reason="failed") from error
        self._clock = clock
        self._off_hook = bool(self._pin.is_active)
        self._moved_at = float("-inf")
        self._pin.when_activated = self._pin.when_deactivated = self._moved

    @property
    def off_hook(self) -> bool:
        """Whether the handset is lifted; while the contact bounces, what it was before."""
        if self._clock() - self._moved_at >= STEADY_S:
            self._off_hook = bool(self._pin.is_active)
        return self._off_hook

    def close(self) -> None:
        """Give the pin back."""
        self._pin.close()

    def _moved(self) -> None:
        self._moved_at = self._clock()
