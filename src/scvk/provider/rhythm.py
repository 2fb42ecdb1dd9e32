"""When the next look is due, and up to when it may ask: the poller's two loops seen as arithmetic."""

from __future__ import annotations

from datetime import datetime, timedelta

MARGINS = (timedelta(), *(timedelta(seconds=seconds) for seconds in (1, 5, 30, 120)))


def pause_s(now: float, *, started: float, pace: float, other: float | None = None) -> float:
    """Return how long to pause before the next look, a pace after the one that `started`.

    With `other`, the start of another loop's look at the same pace, half a pace away from its looks: most changes show
    in both, and are then seen twice as soon. Until that is reached a pause may be half a pace longer or shorter.
    """
    gap = pace
    if other is not None:
        gap = (other + pace / 2 - started) % pace
        gap += pace if gap < pace / 2 else 0
    return max(0.0, started + gap - now)


class PlatformTime:
    """The newest moment that a query may name: SaladCloud refuses one that is in the future by its own clock.

    Asked up to now until that is refused, for events are seen as much later as is left out; then some seconds less.
    """

    def __init__(self) -> None:
        self._refusals = 0

    def latest(self, now: datetime) -> datetime:
        """Return the moment up to which to ask."""
        return now - MARGINS[self._refusals]

    def refused(self) -> None:
        """Note that a query was refused as invalid."""
        self._refusals = min(self._refusals + 1, len(MARGINS) - 1)
