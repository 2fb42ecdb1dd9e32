"""The query of `/containerLogs`, and lines as they are sent: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from scvk.kubelet.log_source import LogLine, LogRequest

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True", ""})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
"""As Kubernetes reads booleans in queries; an empty value is true."""


class WrongQuery(Exception):
    """The query cannot be (HTTP 400); the text says why."""


@dataclass(frozen=True, slots=True)
class LogView:
    """Which lines, and how they are shown. `limit_bytes` counts what is sent."""

    request: LogRequest
    timestamps: bool = False
    limit_bytes: int | None = None
    is_stderr_only: bool = False
    """SaladCloud and its like keep one stream: there is nothing to show on standard error alone."""


def log_view(query: Mapping[str, str], container: str, now: datetime) -> LogView:
    """Return what a query asks for; raises WrongQuery. Unknown fields are ignored, as a kubelet does."""
    if "sinceSeconds" in query and "sinceTime" in query:
        raise WrongQuery("at most one of `sinceTime` or `sinceSeconds` may be specified")
    since: datetime | None = None
    if "sinceSeconds" in query:
        since = now - timedelta(seconds=_number(query, "sinceSeconds", least=1, most=10**9) or 0)
    elif query.get("sinceTime"):
        since = _time(query["sinceTime"])
    stream = query.get("stream", "") or "All"
    if stream not in ("All", "Stdout", "Stderr"):
        raise WrongQuery(f'stream: unsupported value {stream[:40]!r}: supported values: "All", "Stderr", "Stdout"')
    # Its name of long ago still counts, and `all` is as good as none.
    name = "tail" if query.get("tail") else "tailLines"
    tail = None if query.get(name) == "all" else _number(query, name, least=0)
    if tail is not None and stream != "All":
        raise WrongQuery("`tailLines` and specific `stream` are mutually exclusive for now")
    return LogView(
        LogRequest(container, tail, since, _flag(query, "follow"), _flag(query, "previous")),
        timestamps=_flag(query, "timestamps"),
        limit_bytes=_number(query, "limitBytes", least=1),
        is_stderr_only=stream == "Stderr",
    )


def shown(line: LogLine, *, timestamps: bool) -> bytes:
    """Return a line as it is sent."""
    text = line.text.encode("utf-8", "surrogateescape") + b"\n"
    if not timestamps:
        return text
    stamp = line.time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return f"{stamp}000Z ".encode() + text


def _flag(query: Mapping[str, str], name: str) -> bool:
    value = query.get(name, "false")
    if value not in _TRUE | _FALSE:
        raise WrongQuery(f"{name} must be true or false")
    return value in _TRUE


def _number(query: Mapping[str, str], name: str, *, least: int, most: int = 2**63 - 1) -> int | None:
    text = query.get(name)
    if not text:
        return None
    try:
        number = int(text) if len(text) < 20 and text.isascii() else None
    except ValueError:
        number = None
    if number is None or not least <= number <= most:
        raise WrongQuery(f"{name}: must be a whole number greater than or equal to {least}")
    return number


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise WrongQuery("sinceTime must be a time such as 2026-01-31T12:00:00Z") from None
    if time.tzinfo is None:
        raise WrongQuery("sinceTime must have a time zone, such as 2026-01-31T12:00:00Z")
    return time
