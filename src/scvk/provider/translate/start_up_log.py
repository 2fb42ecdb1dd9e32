"""What a start-up wrapper says in the log, and how it is read back.

A line may come glued to the end of the program's own unfinished line, so that the marks are looked for anywhere in it.
"""

from __future__ import annotations

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


def termination_message_of(lines: Iterable[str]) -> str | None:
    """Return the last termination message that stands in the log whole, None where there is none."""
    raise NotImplementedError
