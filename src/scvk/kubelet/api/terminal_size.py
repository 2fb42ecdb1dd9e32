"""Sizes of a terminal, as kubectl sends them: JSON objects one after the other, in any pieces."""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass

MAX_SIZE_TEXT = 4096
"""Ours: an object has some thirty characters."""
_MAX_CELLS = 0xFFFF
"""Width and height are 16-bit numbers."""


@dataclass(frozen=True, slots=True)
class TerminalSize:
    """Columns and rows."""

    width: int
    height: int


class TerminalSizeReader:
    """Finds sizes in a stream. What is no size ends the reading: nothing after it can be trusted."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._text = ""
        self._is_broken = False

    def receive(self, data: bytes) -> list[TerminalSize]:
        """Return the sizes that `data` completes."""
        found: list[TerminalSize] = []
        self._text += self._decode(data)
        while not self._is_broken and (text := self._text.lstrip()):
            end = text.find("}") + 1
            if not end:
                self._is_broken = len(text) > MAX_SIZE_TEXT
                break
            size = _size(text[:end])
            if size is None:
                self._is_broken = True
                break
            found.append(size)
            self._text = text[end:]
        if self._is_broken:
            self._text = ""
        return found


def _size(text: str) -> TerminalSize | None:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    # Go reads names in any case.
    by_name = {str(name).lower(): value for name, value in fields.items()}
    width, height = by_name.get("width", 0), by_name.get("height", 0)
    if not all(type(cells) is int and 0 <= cells <= _MAX_CELLS for cells in (width, height)):
        return None
    return TerminalSize(width, height)
