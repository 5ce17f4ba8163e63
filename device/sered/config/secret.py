"""Reads texts that people wrote with any editor, and the password's file."""

from __future__ import annotations

import codecs
import difflib
import errno
import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_BROKERS_OWN = re.compile(r"[^:]+:\$\d\$")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class SecretError(ValueError):
    """The password's file cannot be used; a sentence without a full stop."""


def read_text(path: Path) -> str:
    """What `text_of` reads in a file; UnicodeDecodeError, OSError."""
    plain = not path.exists() or path.is_file() or path.is_dir() or path.samefile(os.devnull)
    if not plain:
        # a pipe would wait for its writer for ever; /dev/null is how one says "no configuration"
        raise OSError(errno.EINVAL, "it is no plain file")
    return text_of(path.read_bytes())


def text_of(raw: bytes) -> str:
    """UTF-8, a byte order mark read over, lines ended by \\n; UnicodeDecodeError."""
    if raw.startswith(_UTF16):
        raise UnicodeDecodeError("utf-8", raw[:2], 0, 2, "UTF-16, which Windows calls Unicode")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnicodeDecodeError("utf-8", b"", 0, 0, "other bytes") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def first_line(path: Path) -> str:
    """A secret as it stands in its file; blanks around it do not count. Raises SecretError."""
    try:
        # splitlines would cut at signs that a password may hold
        return read_text(path).partition("\n")[0].strip()
    except FileNotFoundError:
        near = difflib.get_close_matches(path.name, _names(path.parent), n=1)
        hint = f"did you mean {near[0]}?" if near else "write the password into it, or correct it"
        msg = f"no such password file: {path}; {hint}"
    except UnicodeDecodeError as error:
        msg = f"wanted UTF-8 text in {path}, found {error.reason}: save it as UTF-8"
    except IsADirectoryError:
        msg = f"wanted a password file; found the folder {path}"
    except OSError as error:
        msg = f"the password file {path} cannot be read ({error.strerror}): try sudo"
    raise SecretError(msg)


def _names(folder: Path) -> list[str]:
    try:
        return [each.name for each in folder.iterdir() if each.is_file()]
    except OSError:
        return []


def read_password(path: Path) -> str:
    """The password of a file that the configuration names; raises SecretError."""
    return password_in(first_line(path), str(path))


def password_in(secret: str, where: str) -> str:
    """The same where it is read already; `where` names it. Raises SecretError."""
    if not secret:
        msg = f"wanted a password in the first line of {where}; found an empty line"
        raise SecretError(msg)
    if _BROKERS_OWN.match(secret):
        msg = (
            f"{where} is the broker's own list of logins (mosquitto_passwd); the box needs the "
            "password itself, in a file of its own"
        )
        raise SecretError(msg)
    if re.match(r"\[+\w+\]|\w+\s+=\s", secret):
        msg = f"wanted a password in the first line of {where}; found a configuration"
        raise SecretError(msg)
    return secret
