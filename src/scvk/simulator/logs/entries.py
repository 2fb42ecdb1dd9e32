"""One log entry, as the platform's log store keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

# In rising order: comparisons in queries go by it (`LogEntrySeverity` of the OpenAPI document).
SEVERITIES = ("default", "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")


PROMOTED = ("severity_number", "trace_id", "span_id", "parent_span_id")
# As the document spells them in answers, and how long they may be there.
_SPANS = {"trace_id": "trace_Id", "span_id": "span_Id", "parent_span_id": "parent_span_id"}
_LONGEST_SPAN_ID = 1000
# One for all entries that have none: there are many. Never change it.
_NOTHING: dict[str, Any] = {}
# Far beyond what people log, and far from where encoders give up.
DEEPEST_JSON = 100


class ResourceType(StrEnum):
    """Who said it."""

    CONTAINER = "container"
    INSTANCE_CONTROLLER = "instance_controller"
    DEPLOYMENT_CONTROLLER = "deployment_controller"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Exactly one of `text` and `json` is set. `labels` may be shared between entries: never change it.

    `promoted` holds those of `PROMOTED` that the line had, beside its severity.
    """

    time: datetime
    receive_time: datetime
    resource_type: ResourceType
    labels: Mapping[str, str]
    severity: str
    text: str | None = None
    json: Mapping[str, Any] | None = None
    promoted: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)

    def render(self) -> dict[str, Any]:
        """The `LogEntry` object of the OpenAPI document; it has no place for `severity_number`."""
        answer: dict[str, Any] = {
            "time": format_time(self.time),
            "receive_time": format_time(self.receive_time),
            "severity": self.severity,
            "resource": {"type": str(self.resource_type), "labels": dict(self.labels)},
        }
        if self.json is not None:
            answer["json_log"] = self.json
        else:
            answer["text_log"] = self.text or ""
        for name, answered in _SPANS.items():
            if name in self.promoted:
                answer[answered] = self.promoted[name]
        return answer

    @property
    def weight(self) -> int:
        """Roughly the characters it holds: what the store's memory cap counts."""
        return len(self.text) if self.text is not None else len(msgspec.json.encode(self.json))


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a program, read: `text` as it is, or the object `json` without what is promoted."""

    text: str | None = None
    json: Mapping[str, Any] | None = None
    severity: str = "default"
    promoted: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)

    def entry(self, time: datetime, labels: Mapping[str, str]) -> LogEntry:
        """The log entry."""
        return LogEntry(time, time, ResourceType.CONTAINER, labels, self.severity, self.text, self.json, self.promoted)


def parse_line(line: str) -> Line:
    """Text, unless it is a JSON object: `json_log` can hold nothing else.

    Of an object, severity, severity number and span ids become fields of the entry (SaladCloud's page "Log Queries").
    """
    if line.lstrip()[:1] != "{":
        return Line(line)
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return Line(line)
    if not isinstance(value, dict) or _deep(value):
        return Line(line)
    severity = value.get("severity")
    known = isinstance(severity, str) and severity.lower() in SEVERITIES
    promoted = {name: value[name] for name in PROMOTED if _promotable(name, value.get(name))}
    left = {name: inner for name, inner in value.items() if name not in promoted and not (known and name == "severity")}
    return Line(None, left, str(severity).lower() if known else "default", promoted or _NOTHING)


def _promotable(name: str, value: Any) -> bool:
    if name == "severity_number":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_SPAN_ID


def _deep(value: Any) -> bool:
    """Whether it is nested deeper than answers can safely be."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST_JSON:
            return True
        nested = [inner.values() if isinstance(inner, dict) else inner for inner in level]
        level = [inner for values in nested for inner in values if isinstance(inner, dict | list)]
    return False


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds: entries differ by no less, so paging by time loses none."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
