"""A file made of pieces of another one and of bytes of our own, for decoders that want a file."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class ByteSpan:
    """Some bytes of the file that is read."""

    start: int
    length: int

    def __len__(self) -> int:
        return self.length


Piece = ByteSpan | bytes


class Rope(io.RawIOBase):
    """Reads `pieces` of the file at `path` one after the other, as if they were one file."""

    def __init__(self, path: Path, pieces: Sequence[Piece]) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._pieces = [piece for piece in pieces if len(piece)]
        self._ends: list[int] = []
        for piece in self._pieces:
            self._ends.append((self._ends[-1] if self._ends else 0) + len(piece))
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Bytes from the beginning."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move, as files do."""
        size = self._ends[-1] if self._ends else 0
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's WriteableBuffer is for checkers only
        """Fill as much of `buffer` as there is; the bytes that came."""
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view):
            index = bisect_right(self._ends, self._at)
            if index == len(self._pieces):
                break
            piece = self._pieces[index]
            inside = self._at - (self._ends[index] - len(piece))
            want = min(len(view) - filled, len(piece) - inside)
            if isinstance(piece, bytes):
                data = piece[inside : inside + want]
            else:
                data = os.pread(self._file.fileno(), want, piece.start + inside)
            if not data:
                break
            view[filled : filled + len(data)] = data
            filled += len(data)
            self._at += len(data)
        return filled

    def close(self) -> None:
        """Close the file beneath."""
        self._file.close()
        super().close()
