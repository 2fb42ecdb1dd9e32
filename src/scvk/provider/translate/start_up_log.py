"""What a start-up wrapper says in the log, and how it is read back.

A line may come glued to the end of the program's own unfinished line, so that the marks are looked for anywhere in it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

START_UP_FAILED_EXIT_CODE = 125
"""The wrapper could not do its work, or start the program. `docker run` uses the same number for the same thing."""

FAILURE_PREFIX = "scvk-start-up-failed: "
TERMINATION_MESSAGE_PREFIX = "scvk-termination-message: "


def failure_of(line: str) -> str | None:
    """Return the reason that a failing wrapper gave, None for any other line of a log."""
    _, mark, reason = line.partition(FAILURE_PREFIX)
    return reason.strip() if mark else None


def is_wrapper_line(line: str) -> bool:
    """Say whether the line is the wrapper's and not the program's."""
    return FAILURE_PREFIX in line or TERMINATION_MESSAGE_PREFIX in line


def program_part_of(line: str) -> str | None:
    """Return the line without a piece of a termination message; None where it is nothing else."""
    found = _PIECE.search(line)
    return line if found is None else line[: found.start()] or None


def termination_message_of(lines: Iterable[str]) -> str | None:
    """Return the last termination message that stands in the log whole, None where there is none.

    Lines of one message may come in any order, as log entries of the same time do.
    """
    message: str | None = None
    pieces: dict[int, str] = {}
    total = 0
    for line in lines:
        found = _PIECE.search(line)
        if found is None:
            continue
        index, of, data = int(found[1]), int(found[2]), found[3]
        if index in pieces or of != total:
            pieces, total = {}, of  # of another run of the program
        pieces[index] = data
        if pieces.keys() == set(range(1, total + 1)):
            message = _decoded("".join(pieces[number] for number in sorted(pieces)), message)
    return message


_PIECE = re.compile(re.escape(TERMINATION_MESSAGE_PREFIX) + r"([0-9]{1,4})/([0-9]{1,4}) ([A-Za-z0-9+/=]+)", re.ASCII)


def _decoded(text: str, otherwise: str | None) -> str | None:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except binascii.Error:  # a line that the program itself wrote, or that was cut
        return otherwise
