"""At most so many requests in any 60 seconds: a sliding window, in real time.

SaladCloud's documentation says 240 a minute per API key; the window's shape is not known, a sliding one is
the strictest a client can meet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

WINDOW_S = 60.0


class SlidingWindow:
    """`limit` per window; `monotonic` gives seconds."""

    def __init__(self, limit: int, monotonic: Callable[[], float]) -> None:
        self._limit = limit
        self._monotonic = monotonic
        self._taken: deque[float] = deque()

    def take(self) -> float | None:
        """None when this one is allowed, else seconds until one will be. What is refused does not count."""
        now = self._monotonic()
        while self._taken and self._taken[0] <= now - WINDOW_S:
            self._taken.popleft()
        if len(self._taken) < self._limit:
            self._taken.append(now)
            return None
        oldest = self._taken[0] if self._taken else now
        return oldest + WINDOW_S - now
