"""What can go wrong, each as one sentence: what was wanted, what was found, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class SeredError(Exception):
    """Base of every error that a user may see; `str()` is a whole sentence, never a traceback.

    `exit_code` is what `sered` ends with when the error ends a command.
    """

    exit_code = 1


class ConfigError(SeredError, ValueError):
    """The configuration cannot be used; lists every fault at once.

    `faults` are its sentences, one a fault, without the lines that show where.
    """

    exit_code = 2

    def __init__(self, message: str, faults: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults) or (message,)


class AudioError(SeredError, OSError):
    """A recording or a sound card cannot be read."""


class DeviceError(AudioError):
    """A sound card is missing, busy or not ours to open.

    `reason` is the word that `status` carries: `no_device`, `wrong_port`, `not_ready`,
    `busy`, `no_permission`, `no_frames`, `failed`.
    """

    def __init__(self, message: str, reason: str = "no_device") -> None:
        super().__init__(message)
        self.reason = reason


class ModelError(SeredError, ValueError):
    """A model file is missing, broken, or not the one its sidecar describes."""


class SpoolError(SeredError, OSError):
    """The spool cannot be opened or written."""


class BrokerError(SeredError, ConnectionError):
    """The broker cannot be reached, or refuses us.

    `reason` is one word: `no_broker`, `tls`, `password`, `denied`, `client_id`, `taken_over`,
    `retain`, `qos`, `too_large`, `version`, `flood`, `unproven`, `lost`, `mute`.
    """

    def __init__(self, message: str, reason: str = "no_broker") -> None:
        super().__init__(message)
        self.reason = reason


class FetchError(SeredError, ConnectionError):
    """A download failed or is not what its checksum says."""
