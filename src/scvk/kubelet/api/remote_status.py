"""How the end of a remote command is told: a Status object as JSON (v4 and v5), or words (before)."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exited:
    """The command ran, and ended with a code."""

    code: int


@dataclass(frozen=True, slots=True)
class NotRun:
    """The command could not be run, or was lost sight of; the text is for a person."""

    message: str


CommandEnd = Exited | NotRun


def status_text(end: CommandEnd, *, as_object: bool) -> bytes:
    """Return what goes over the error channel; nothing, in the oldest protocols, for a success."""
    if isinstance(end, NotRun):
        message = end.message
        failure = {"reason": "InternalError", "details": {"causes": [{"message": message}]}, "code": 500}
    elif end.code == 0:
        return _object({"metadata": {}, "status": "Success"}) if as_object else b""
    else:
        message = f"command terminated with non-zero exit code: exit status {end.code}"
        causes = [{"reason": "ExitCode", "message": str(end.code)}]
        failure = {"reason": "NonZeroExitCode", "details": {"causes": causes}}
    if not as_object:
        return message.encode()
    return _object({"metadata": {}, "status": "Failure", "message": message, **failure})


def _object(status: dict[str, object]) -> bytes:
    return json.dumps(status, ensure_ascii=False).encode()
