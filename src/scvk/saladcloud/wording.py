"""Texts from outside made fit for a log line: one line, printable, bounded, without secrets of ours."""

from __future__ import annotations

from collections.abc import Iterable

from scvk.saladcloud.models.base import HIDDEN

MAX_WORDS = 256
"""Longest text of the platform that an error repeats, in characters."""
MIN_SECRET = 6
"""Shorter values are not looked for: replacing every "1" or "true" would spoil the text and hide nothing."""


def one_line(text: object, *, secrets: Iterable[str] = (), limit: int = MAX_WORDS) -> str:
    """Return `text` as one printable line of at most `limit` characters; "" if it is no text.

    Occurrences of `secrets` are replaced before the text is cut, longest first, so that no part of one
    remains.
    """
    if not isinstance(text, str):
        return ""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= MIN_SECRET:
            text = text.replace(secret, HIDDEN)
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
