"""Strings as SaladCloud takes them: one line, and not too long.

The OpenAPI document gives most strings the pattern `^.*$`, which forbids every line break of ECMA 262.
"""

from __future__ import annotations

from scvk.saladcloud.models.patterns import is_one_line


def objection(text: str, *, longest: int, shortest: int = 1) -> str | None:
    """Say what SaladCloud would have against `text`, as the end of a sentence; None where it is all right."""
    if len(text) < shortest:
        return "is empty"
    if len(text) > longest:
        return f"has more than {longest} characters"
    if not is_one_line(text):
        return "has a line break"
    return None
