"""Bytes of a program's output in, lines of text out.

Invalid UTF-8 becomes U+FFFD; a line longer than the longest `text_log` (10,000 characters, OpenAPI
document) is delivered in pieces of that length, so that a program without line ends cannot fill the memory.
"""

from __future__ import annotations

import codecs

LONGEST_LINE = 10_000


class LineSplitter:
    """Splits one output stream. Feed it what arrives; `finish` gives the last line if it had no line end."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, data: bytes) -> list[str]:
        """The lines, without their ends, that `data` completed."""
        return self._split(self._decoder.decode(data))

    def finish(self) -> list[str]:
        """What is left at the end of the stream: nothing or one line."""
        lines = self._split(self._decoder.decode(b"", final=True))
        if self._rest:
            lines.append(self._rest)
            self._rest = ""
        return lines

    def _split(self, text: str) -> list[str]:
        *complete, self._rest = (self._rest + text).split("\n")
        lines: list[str] = []
        for line in complete:
            lines.extend(_pieces(line.removesuffix("\r")))
        if len(self._rest) >= LONGEST_LINE:
            *full, self._rest = _pieces(self._rest)
            lines.extend(full)
        return lines


def _pieces(line: str) -> list[str]:
    """At least one piece: an empty line is a line."""
    return [line[start : start + LONGEST_LINE] for start in range(0, len(line), LONGEST_LINE)] or [""]
