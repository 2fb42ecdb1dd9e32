"""The line by which the script before a command says how it went, found in the command's output: sans-io.

What root's login prints before it is no output of the command, and is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

MOST_BEFORE = 1024 * 1024
"""Bytes of a login's own output, of which nothing is kept, before it is given up."""


@dataclass(frozen=True, slots=True)
class Started:
    """The command runs as process `number`; `rest` is output of it that came along."""

    number: int
    rest: bytes


@dataclass(frozen=True, slots=True)
class NotStarted:
    """`reason`: `changed` (the program is not the one that was looked at), `missing`, `denied` or `unknown`."""

    reason: str


class FirstLine:
    """Looks for the line in a stream."""

    def __init__(self, marker: bytes) -> None:
        self._marker = marker + b" "
        self._kept = b""
        self._dropped = 0

    def receive(self, data: bytes) -> Started | NotStarted | None:
        """Return what the line says, once it is there. Raises ValueError where too much came before it."""
        self._kept += data
        at = self._kept.find(self._marker)
        if at < 0:
            keep = len(self._marker) - 1
            self._dropped += max(0, len(self._kept) - keep)
            self._kept = self._kept[-keep:]
            if self._dropped > MOST_BEFORE:
                raise ValueError("the login writes too much")
            return None
        line, newline, rest = self._kept[at + len(self._marker) :].partition(b"\n")
        if not newline:
            return None
        words = line.decode("ascii", "replace").split()
        if len(words) == 2 and words[0] == "started" and words[1].isdigit():
            return Started(int(words[1]), rest)
        return NotStarted(words[0] if words else "")
