"""The event cursor, as it stands on the Node: up to when the project's events were read before the agent went away.

Anybody who may change nodes can have written it, and clocks differ: what cannot be read, or lies in the future, means
nothing, and it never reaches further back than MOST_BACK, beyond which a node's pods are long gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

ANNOTATION = "scvk.salad.com/events-until"
MOST_BACK = timedelta(hours=24)


def remembered(cursor: datetime) -> dict[str, str]:
    """Return the cursor as annotations of the Node."""
    return {ANNOTATION: cursor.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}


def first_query(annotations: Mapping[str, str], now: datetime, look_back: timedelta) -> datetime:
    """Return where the first query begins: `look_back` before `now`, or earlier where the memory says so."""
    usual = now - look_back
    try:
        cursor = datetime.fromisoformat(annotations.get(ANNOTATION, ""))
        if cursor.tzinfo is None:
            return usual
        return max(now - MOST_BACK, min(usual, cursor.astimezone(UTC)))
    except (ValueError, OverflowError):
        return usual
