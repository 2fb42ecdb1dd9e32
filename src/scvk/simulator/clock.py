"""Time as the simulator sees it: timers count simulated seconds, time stamps are wall time.

A group that needs 60 s to be allocated on the platform needs 3 s at `speed` 20, but the time stamps in
answers are true: a client compares them with its own clock.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Timer(Protocol):
    """A call that was asked for and may still be called off."""

    def cancel(self) -> None:
        """Call it off. May be repeated, and may come after the call was made."""


class Clock(Protocol):
    """Where every duration and time stamp of the simulator comes from."""

    def now(self) -> datetime:
        """The time of day in UTC, for time stamps."""

    def time(self) -> float:
        """Simulated seconds since some moment: only differences mean anything."""

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` once, `seconds` (>= 0) simulated seconds from now."""


class SimulatedClock:
    """The running event loop's clock, `speed` times as fast.

    `speed` 1 is the platform's own pace; 20 makes a minute last 3 s. Must be used inside a running event
    loop. Raises ValueError when `speed` is not above 0.
    """

    def __init__(self, speed: float = 1.0) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be above 0, got {speed}")
        self.speed = speed

    def now(self) -> datetime:
        """The time of day in UTC."""
        return datetime.now(UTC)

    def time(self) -> float:
        """The loop's time in simulated seconds."""
        return asyncio.get_running_loop().time() * self.speed

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` after `seconds / speed` real seconds."""
        return asyncio.get_running_loop().call_later(seconds / self.speed, callback)


class _Call:
    """One entry of the manual clock's agenda."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """A clock that moves only when told to: `advance` makes all due calls in order, each at its time."""

    def __init__(self, start: datetime = datetime(2030, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed_s = 0.0
        self._agenda: list[tuple[float, int, _Call]] = []
        self._sequence = 0

    def now(self) -> datetime:
        """The start time plus what was advanced."""
        return self._start + timedelta(seconds=self._elapsed_s)

    def time(self) -> float:
        """Seconds advanced so far."""
        return self._elapsed_s

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Note the call; it is made by `advance`."""
        call = _Call(callback)
        self._sequence += 1
        heapq.heappush(self._agenda, (self._elapsed_s + seconds, self._sequence, call))
        return call

    def advance(self, seconds: float) -> None:
        """Move on by `seconds`, making every call that falls due, also those which these calls ask for."""
        target = self._elapsed_s + seconds
        while self._agenda and self._agenda[0][0] <= target:
            due, _, call = heapq.heappop(self._agenda)
            self._elapsed_s = max(self._elapsed_s, due)
            if call.callback is not None:
                call.callback()
        self._elapsed_s = target


class Agenda:
    """The timers of one thing, which can all be called off together: at its end, or when it begins anew."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pending: dict[int, Timer] = {}
        self._sequence = 0

    def after(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call `callback` in `seconds` simulated seconds unless everything is called off before."""
        self._sequence += 1
        number = self._sequence

        def due() -> None:
            self._pending.pop(number, None)
            callback()

        self._pending[number] = self._clock.call_later(seconds, due)

    def hold(self, timer: Timer) -> None:
        """Call this one off with the others too."""
        self._sequence += 1
        self._pending[self._sequence] = timer

    def call_off(self) -> None:
        """Cancel everything that is still to come."""
        pending, self._pending = self._pending, {}
        for timer in pending.values():
            timer.cancel()
