"""Spoils answers: right in form as a future or a lagging service would give them, and not as a client expects.

Pure: a body in, another body out; neither is changed in place.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scvk.simulator.api.faults import Fault, FaultKind

UNKNOWN_FIELD = "x_added_by_a_later_version"
UNKNOWN_MEMBER = "added_by_a_later_version"
_ENUMS = frozenset({"status", "state", "severity", "priority"})
# Objects whose member names are data of the user.
_FREE_NAMES = frozenset({"environment_variables", "labels", "json_log"})
_REMEMBERED = 64


def distort(fault: Fault, body: Any) -> Any:
    """The body as `fault` has it; kinds that do not concern bodies leave it as it is."""
    match fault.kind:
        case FaultKind.UNKNOWN_FIELDS:
            return _with_fields(body)
        case FaultKind.UNKNOWN_ENUMS:
            return _with_enums(body)
        case FaultKind.NO_ENVIRONMENT:
            return _without_environment(body)
        case FaultKind.CUT:
            return {**body, "items": body["items"][: fault.limit]}
        case _:
            return body


def _with_fields(value: Any, name: str = "") -> Any:
    if isinstance(value, dict) and name not in _FREE_NAMES:
        known = {key: _with_fields(inner, key) for key, inner in value.items()}
        return {**known, UNKNOWN_FIELD: {"since": "later"}}
    if isinstance(value, list):
        return [_with_fields(inner) for inner in value]
    return value


def _with_enums(value: Any, name: str = "") -> Any:
    if isinstance(value, dict) and name not in _FREE_NAMES:
        return {key: _with_enums(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_enums(inner) for inner in value]
    return UNKNOWN_MEMBER if isinstance(value, str) and name in _ENUMS else value


def _without_environment(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_environment(inner) for key, inner in value.items() if key != "environment_variables"}
    if isinstance(value, list):
        return [_without_environment(inner) for inner in value]
    return value


@dataclass(frozen=True, slots=True)
class _Remembered:
    time: float
    body: bytes


class Memory:
    """Answers as they were last given, encoded, by path: what a lagging replica would still say."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._answers: OrderedDict[str, _Remembered] = OrderedDict()

    def keep(self, path: str, body: bytes) -> None:
        """This is the answer now."""
        self._answers[path] = _Remembered(self._monotonic(), body)
        self._answers.move_to_end(path)
        if len(self._answers) > _REMEMBERED:
            self._answers.popitem(last=False)

    def recall(self, path: str, within_s: float | None) -> bytes | None:
        """The answer as it was, unless it is older than `within_s` real seconds or never was given."""
        remembered = self._answers.get(path)
        if remembered is None or (within_s is not None and self._monotonic() - remembered.time > within_s):
            return None
        return remembered.body
