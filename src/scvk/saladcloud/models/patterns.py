r"""Regular expressions of the document, read as JSON Schema means them: in the dialect of ECMA 262.

Python differs where it matters most here: its `$` also matches before a line break at the end of the text,
and its `.` matches a carriage return. So `^.*$`, the document's way to forbid line breaks, would let
"value\n" pass.
"""

from __future__ import annotations

import re
from functools import lru_cache

LINE_BREAKS = "\n\r\u2028\u2029"
"""What `.` does not match in ECMA 262 (LineTerminator)."""
ANY_ONE_LINE = "^.*$"
"""The document's pattern for "no line breaks"."""


def is_one_line(text: str) -> bool:
    """Say whether `text` matches `^.*$`; some ten times as fast as the expression."""
    return not ("\n" in text or "\r" in text or "\u2028" in text or "\u2029" in text)


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[str]:
    """Return `pattern`, an ECMA 262 expression of the kind that the document uses, for use with `search`."""
    translated: list[str] = []
    in_class = False
    characters = iter(pattern)
    for character in characters:
        match character:
            case "\\":
                translated.append(character + next(characters, ""))
            case "$" if not in_class:
                translated.append(r"\Z")
            case "." if not in_class:
                translated.append(f"[^{LINE_BREAKS}]")
            case _:
                in_class = character == "[" or (in_class and character != "]")
                translated.append(character)
    return re.compile("".join(translated), re.ASCII)
