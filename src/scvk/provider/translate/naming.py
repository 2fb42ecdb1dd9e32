"""The name of a group that people read in SaladCloud's portal."""

from __future__ import annotations

import re

_MAX_LENGTH = 63


def display_name(namespace: str, name: str) -> str:
    """Return `<namespace> <name>`, cut to 63 characters.

    What is not a letter, digit or one of ` ,-.` becomes a hyphen (OpenAPI document, `display_name`: no slash is
    allowed); at least two characters remain, as the document asks for.
    """
    readable = re.sub("[^ ,.0-9A-Za-z-]", "-", f"{namespace} {name}"[:_MAX_LENGTH]).strip()
    return readable if len(readable) > 1 else f"pod {readable}"
