"""One time for everything in a history: the loop's own, which a virtual clock moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from scvk.simulator.clock import Timer

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def monotonic() -> float:
    """Return virtual seconds since the loop began."""
    return asyncio.get_running_loop().time()


def wall_clock() -> datetime:
    """Return the time of day."""
    return START + timedelta(seconds=monotonic())


class LoopClock:
    """The simulator's clock: simulated seconds are the loop's, and so is the time of day."""

    def now(self) -> datetime:
        """Return the time of day."""
        return wall_clock()

    def time(self) -> float:
        """Return the loop's time."""
        return monotonic()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` in so many virtual seconds."""
        return asyncio.get_running_loop().call_later(seconds, callback)
