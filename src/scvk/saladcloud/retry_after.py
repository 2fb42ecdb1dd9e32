"""The Retry-After header (RFC 9110, section 10.2.3): seconds, or a date."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite

MAX_RETRY_AFTER_S = 3600.0
"""A longer wait is not believed: a slip in a header must not stop an agent for days."""


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Return how long to wait from `now` (aware): 0 to `MAX_RETRY_AFTER_S` seconds; None if unreadable."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _until(value, now)
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S) if isfinite(seconds) else None


def _until(value: str, now: datetime) -> float:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return float("nan")
    return ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds()
