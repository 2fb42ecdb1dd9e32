"""When the figures of an instance were refreshed, as far as looks at them tell: pure.

The platform refreshes figures once a minute and does not say when. A look that finds them changed may find those of
one minute or of two, so the moments of looks alone would show a steady program at half or at twice its use. What each
look excludes is kept: it narrows the moment of the minute in which refreshes fall.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

EVERY_S = 60.0
"""`cpu_usage_total` and its kin: "updated every minute" (OpenAPI document)."""
DRIFT_S = 0.5
"""So much earlier or later than a minute a refresh may come: what was learned of the moment fades."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """The last refresh that a look showed came later than `after`, and at `by` at the latest."""

    after: float
    by: float


def seen_first(at: float) -> Refresh:
    """Return what a first look tells."""
    return Refresh(at - EVERY_S, at)


def seen_again(refresh: Refresh, at: float) -> Refresh:
    """Return what is known once a look finds figures unchanged that a refresh would have changed."""
    since = at - EVERY_S
    return refresh if since >= refresh.by else Refresh(max(refresh.after, since), refresh.by)


def seen_changed(refresh: Refresh, looked: float, at: float) -> Refresh:
    """Return what is known of the newest refresh once a look at `at` finds what one at `looked` did not.

    What was known of the one before counts where it leaves one possibility, a whole number of minutes later; a
    platform that keeps to no minute is believed by the looks alone.
    """
    between = Refresh(max(looked, at - EVERY_S), at)
    first = max(1, math.floor((between.after - refresh.by) / EVERY_S))
    last = max(first, math.ceil((between.by - refresh.after) / EVERY_S))
    for drift in (0.0, DRIFT_S):
        possible = [n for n in range(first, last + 1) if _later(refresh, n, drift, between) is not None]
        if len(possible) == 1:
            return _later(refresh, possible[0], DRIFT_S, between) or between
        if possible:
            break
    return between


def _later(refresh: Refresh, minutes: int, drift: float, between: Refresh) -> Refresh | None:
    """Return when a refresh some minutes later was, if it was between two looks."""
    after = max(between.after, refresh.after + minutes * (EVERY_S - drift))
    by = min(between.by, refresh.by + minutes * (EVERY_S + drift))
    return Refresh(after, by) if after < by else None
