"""One log entry, as the platform's log store keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

# In rising order: comparisons in queries go by it (`LogEntrySeverity` of the OpenAPI document).
SEVERITIES = ("default", "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")


class ResourceType(StrEnum):
    """Who said it."""

    CONTAINER = "container"
    INSTANCE_CONTROLLER = "instance_controller"
    DEPLOYMENT_CONTROLLER = "deployment_controller"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Exactly one of `text` and `json` is set. `labels` may be shared between entries: never change it."""

    time: datetime
    receive_time: datetime
    resource_type: ResourceType
    labels: Mapping[str, str]
    severity: str
    text: str | None = None
    json: Mapping[str, Any] | None = None

    def render(self) -> dict[str, Any]:
        """The `LogEntry` object of the OpenAPI document."""
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
        return answer

    @property
    def weight(self) -> int:
        """Roughly the characters it holds: what the store's memory cap counts."""
        return len(self.text) if self.text is not None else len(msgspec.json.encode(self.json))


def parse_line(line: str) -> tuple[str | None, Mapping[str, Any] | None]:
    """`(text, None)`, or `(None, object)` for a JSON object: `json_log` can hold nothing else."""
    if line.lstrip()[:1] == "{":
        try:
            value = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return line, None
        if isinstance(value, dict):
            return None, value
    return line, None


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds: entries differ by no less, so paging by time loses none."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
