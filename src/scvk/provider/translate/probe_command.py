"""The command of an exec probe, also where SaladCloud takes an item of it not as it is.

Items must have 1 to 2048 characters in one line. A command with others goes through the image's `sh`:

    sh -c 'eval "$(IFS=; printf %b "$*")"' sh PIECE …

The pieces are one line of shell, `exec 'item' 'item' …`, cut as often as need be: `$*` joins them again, `printf %b`
turns the escapes back into line breaks (and whatever else must not stand in a line), and `exec` puts the program in
the place of the shell, so that its exit code and a kill at the time-out are the program's own.
"""

from __future__ import annotations

from scvk.provider.translate.lines import objection
from scvk.saladcloud.models.patterns import LINE_BREAKS

# OpenAPI document, ContainerGroupProbeExec.command
MAX_ITEMS = 100
MAX_ITEM_LENGTH = 2048

_SHELL = ("sh", "-c", 'eval "$(IFS=; printf %b "$*")"', "sh")
_ESCAPED = frozenset(LINE_BREAKS) | {"\\"}


def unsuitable(command: tuple[str, ...]) -> str | None:
    """Say why the command cannot be carried over as it is, naming no item's content; None where it can."""
    if len(command) > MAX_ITEMS:
        return f"has {len(command)} items, and SaladCloud takes {MAX_ITEMS}"
    for index, item in enumerate(command):
        problem = objection(item, longest=MAX_ITEM_LENGTH)
        if problem is not None:
            return f"has an item ({index}) that {problem}, and SaladCloud takes 1 to {MAX_ITEM_LENGTH} in one line"
    return None


def through_shell(command: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return a command that SaladCloud takes and that runs `command`; None where even so it is too long."""
    line = "exec " + " ".join(_quoted(item) for item in command)
    escaped = "".join(_escape(character) if character in _ESCAPED else character for character in line)
    pieces = tuple(escaped[at : at + MAX_ITEM_LENGTH] for at in range(0, len(escaped), MAX_ITEM_LENGTH))
    if len(_SHELL) + len(pieces) > MAX_ITEMS:
        return None
    return _SHELL + pieces


def _quoted(item: str) -> str:
    return "'" + item.replace("'", "'\\''") + "'"


def _escape(character: str) -> str:
    # `\0` and three octal digits stand for a byte, in the %b of every shell.
    return "".join(f"\\0{byte:03o}" for byte in character.encode())
