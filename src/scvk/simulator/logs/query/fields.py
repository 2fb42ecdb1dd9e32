"""Fetches what a query's field names from an entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from scvk.simulator.logs.entries import SEVERITIES, LogEntry
from scvk.simulator.logs.query.tokens import QueryError, Token

Value = datetime | str | int | float | bool | None
Getter = Callable[[LogEntry], Value]

_SPANS = ("trace_id", "span_id", "parent_span_id")
_PLAIN: dict[str, Getter] = {
    "time": lambda entry: entry.time,
    "receive_time": lambda entry: entry.receive_time,
    "severity": lambda entry: entry.severity,
    # The platform's own numbers are not documented: a guess, the rank of the severity.
    "severity_number": lambda entry: entry.promoted.get("severity_number", SEVERITIES.index(entry.severity)),
    "text_log": lambda entry: entry.text,
    "resource.type": lambda entry: str(entry.resource_type),
    "log": lambda entry: entry.text if entry.text is not None else msgspec.json.encode(entry.json).decode(),
} | {name: lambda entry, name=name: entry.promoted.get(name) for name in _SPANS}

_LABELS = "resource.labels."
_JSON = "json_log."


def field_getter(token: Token) -> Getter:
    """The getter for a field name. Raises QueryError for a name outside the log schema."""
    name = token.text
    if name in _PLAIN:
        return _PLAIN[name]
    if name.startswith(_LABELS) and len(name) > len(_LABELS):
        label = name.removeprefix(_LABELS)
        return lambda entry: entry.labels.get(label)
    if name.startswith(_JSON) and len(name) > len(_JSON):
        path = name.removeprefix(_JSON).split(".")
        return lambda entry: _walk(entry.json, path)
    if name == "json_log":
        raise QueryError("json_log takes no operator, its fields do (json_log.<field>)", token.position)
    raise QueryError(f"unknown field {name!r}", token.position)


def _walk(value: Any, path: list[str]) -> Value:
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return msgspec.json.encode(value).decode()
