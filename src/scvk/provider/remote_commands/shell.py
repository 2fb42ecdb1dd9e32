"""Words of a POSIX shell from any bytes: pure."""

from __future__ import annotations

from collections.abc import Iterable


class NoWord(ValueError):
    """A NUL byte cannot be in a word of any command."""


def quoted(word: bytes) -> bytes:
    """Return a word of a shell that stands for exactly these bytes. Raises NoWord."""
    if b"\0" in word:
        raise NoWord("an argument of a command cannot hold a NUL byte")
    return b"'" + word.replace(b"'", b"'\\''") + b"'"


def script_call(script: str, arguments: Iterable[bytes], *, becoming: Iterable[bytes] = ()) -> bytes:
    """Return a command line, for whatever shell root has, that runs a script for `sh` with arguments.

    `becoming` are words before it that make the script somebody else's.
    """
    words = [*becoming, b"/bin/sh", b"-c", script.encode(), b"scvk", *arguments]
    return b"exec " + b" ".join(map(quoted, words))
