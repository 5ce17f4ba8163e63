"""Keeps numbers and notes unreadable on disk: AES-GCM to read again, HMAC to recognise."""

from __future__ import annotations

import hmac
import os
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sered.central.errors import StoreError
from sered.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import SecretStr

_NONCE = 12


class Vault:
    """Seals with one key of 32 bytes; `what` binds a text to its place, so none can be moved."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(_derived(key, b"sered.central/seal"))
        self._marking = _derived(key, b"sered.central/mark")

    def seal(self, text: str, what: str) -> bytes:
        """Encrypt; every call gives other bytes."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, text.encode(), what.encode())

    def open(self, sealed: bytes, what: str) -> str:
        """Decrypt; raises StoreError where the key is another one or the bytes were changed."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], what.encode()).decode()
        except (InvalidTag, ValueError):
            msg = "A number or note cannot be opened: central's key is not the one it was sealed"
            raise StoreError(f"{msg} with. Restore the credential central-key.") from None

    def mark(self, text: str) -> str:
        """64 hex digits that are the same for the same text, and tell nothing without the key."""
        return hmac.digest(self._marking, text.encode(), "sha256").hex()


def from_secret(secret: SecretStr | None) -> Vault:
    """The vault of a configured key; raises ConfigError with a sentence."""
    wanted = "wanted 64 hex digits. `sered central init` makes one."
    if secret is None:
        msg = f"central has no key for numbers and notes (credential central-key): {wanted}"
        raise ConfigError(msg)
    try:
        key = bytes.fromhex(secret.get_secret_value().strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        msg = f"central's key (credential central-key) cannot be used: {wanted}"
        raise ConfigError(msg)
    return Vault(key)


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(key)
