"""Fields and answers of SFTP version 3, as bytes (draft-ietf-secsh-filexfer-02, sections 3 to 7)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

_STATUS, _HANDLE, _DATA, _NAME, _ATTRIBUTES = 101, 102, 103, 104, 105
EXTENDED_REPLY = 201
_HAS_SIZE, _HAS_OWNER, _HAS_MODE, _HAS_TIMES, _HAS_EXTENDED = 0x1, 0x2, 0x4, 0x8, 0x80000000


class Status(IntEnum):
    """Section 7."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4
    BAD_MESSAGE = 5
    UNSUPPORTED = 8


_TEXTS = {
    Status.OK: "Success",
    Status.EOF: "End of file",
    Status.NO_SUCH_FILE: "No such file",
    Status.PERMISSION_DENIED: "Permission denied",
    Status.FAILURE: "Failure",
    Status.BAD_MESSAGE: "Bad message",
    Status.UNSUPPORTED: "Operation unsupported",
}


@dataclass(frozen=True)
class Attributes:
    """What a client wants a file to have; None where it does not say. Times are access and modification."""

    size: int | None = None
    owner: tuple[int, int] | None = None
    mode: int | None = None
    times: tuple[int, int] | None = None


class Fields:
    """Reads the fields of a request one after the other; each raises ValueError when there is none."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def uint32(self) -> int:
        """Four bytes."""
        return int.from_bytes(self._take(4), "big")

    def uint64(self) -> int:
        """Eight bytes."""
        return int.from_bytes(self._take(8), "big")

    def string(self) -> bytes:
        """A length and as many bytes."""
        return self._take(self.uint32())

    def attributes(self) -> Attributes:
        """Section 5."""
        flags = self.uint32()
        size = self.uint64() if flags & _HAS_SIZE else None
        owner = (self.uint32(), self.uint32()) if flags & _HAS_OWNER else None
        mode = self.uint32() if flags & _HAS_MODE else None
        times = (self.uint32(), self.uint32()) if flags & _HAS_TIMES else None
        for _ in range(self.uint32() if flags & _HAS_EXTENDED else 0):
            self.string()
            self.string()
        return Attributes(size, owner, mode, times)

    def _take(self, length: int) -> bytes:
        end = self._position + length
        if end > len(self._data):
            raise ValueError("the request ends too early")
        taken = self._data[self._position : end]
        self._position = end
        return taken


@dataclass(frozen=True)
class Reply:
    """An answer: its kind and what follows the number of the request."""

    kind: int
    body: bytes

    def framed(self, number: int) -> bytes:
        """The packet that answers request `number`."""
        return framed(bytes([self.kind]) + number.to_bytes(4, "big") + self.body)

    @classmethod
    def status(cls, status: Status, text: str = "") -> Reply:
        """Done, or why not; the language tag stays empty."""
        words = packed_string((text or _TEXTS[status]).encode("utf-8", "replace"))
        return cls(_STATUS, status.to_bytes(4, "big") + words + packed_string(b""))

    @classmethod
    def handle(cls, handle: bytes) -> Reply:
        """An open file or directory."""
        return cls(_HANDLE, packed_string(handle))

    @classmethod
    def data(cls, data: bytes) -> Reply:
        """What was read."""
        return cls(_DATA, packed_string(data))

    @classmethod
    def name(cls, name: bytes) -> Reply:
        """One name, without attributes."""
        return cls(_NAME, (1).to_bytes(4, "big") + packed_string(name) * 2 + bytes(4))

    @classmethod
    def names(cls, found: Sequence[tuple[bytes, bytes, os.stat_result]]) -> Reply:
        """Directory entries: name, line for people, attributes."""
        entries = [packed_string(name) + packed_string(line) + packed_attributes(st) for name, line, st in found]
        return cls(_NAME, len(found).to_bytes(4, "big") + b"".join(entries))

    @classmethod
    def attributes(cls, status: os.stat_result) -> Reply:
        """A file's attributes."""
        return cls(_ATTRIBUTES, packed_attributes(status))


def framed(packet: bytes) -> bytes:
    """With its length in front."""
    return len(packet).to_bytes(4, "big") + packet


def packed_string(text: bytes) -> bytes:
    """A length and the bytes."""
    return len(text).to_bytes(4, "big") + text


def packed_attributes(status: os.stat_result) -> bytes:
    """All that version 3 has; times are 32 bits and end in 2106."""
    flags = _HAS_SIZE | _HAS_OWNER | _HAS_MODE | _HAS_TIMES
    small = (status.st_uid, status.st_gid, status.st_mode, int(status.st_atime), int(status.st_mtime))
    head = flags.to_bytes(4, "big") + status.st_size.to_bytes(8, "big")
    return head + b"".join((number & 0xFFFFFFFF).to_bytes(4, "big") for number in small)
