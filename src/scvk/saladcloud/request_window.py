"""How many requests may start now: the arithmetic of a sliding minute, shared by classes of requests.

INVARIANT: at most `limit` requests start in any 60 seconds. Each start is remembered for a minute; a
request may start while fewer than `limit` are remembered. SaladCloud allows 240 a minute for an API key;
how its own window lies is not documented, so the plan is 225: requests that were held up on their way then
still fit.

Each class owns a share of the minute that no other class can use; what nobody owns goes to whoever asks,
higher classes first. So nothing starves: a class gets at least its share, however much the others ask for.

    class         share   at most   for
    delete            8       164   delete, stop
    create           20       176   create, update, start
    observe          30       186   listings, log-entry queries for events, the sweep over instances
    interactive       8       164   kubectl logs, exec
    metrics           3       159   quotas, prices, availability
    nobody's        156

After a start the last minute counts as spent: a forerunner with the same key may have spent it, evenly at
worst. A first few requests may start at once (`first_requests`, out of the 15 that lie between the plan and
the platform's limit); then the forerunner's imagined requests leave the window one by one, 3.75 a second,
and each class lives on its share until there is again something that nobody owns.

A 429 stops everything until Retry-After has passed, then halves the limit, which grows back within five
minutes.

No clock and no waiting here: every method is given `now`, monotonic seconds. `budget` waits.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

WINDOW_S = 60.0
PLATFORM_LIMIT = 240
"""Requests a minute for one API key, all processes that use it together (SaladCloud's documentation)."""
PLANNED_LIMIT = 225
"""Requests a minute that are planned for: the margin covers requests that are held up on their way."""
FIRST_REQUESTS = 8
"""Requests that may start at once after a start: enough to list and to adopt, and half of the margin."""
PAUSE_S = 5.0
"""How long a 429 without Retry-After stops all requests."""
MIN_LIMIT = 30
"""The lowest limit that repeated 429s lead to, in requests a minute: enough to go on observing."""
REDUCTION_INTERVAL_S = 10.0
"""429s within so many seconds are one: requests that were under way together fail together."""
RECOVERY_S = 300.0
"""How long the limit takes to grow back, in seconds after a pause has ended."""
RECOVERY_STEP_S = 1.0
"""How often it is looked whether the limit has grown by another request."""


class RequestClass(StrEnum):
    """What a request is for, in order of priority, highest first."""

    DELETE = "delete"
    CREATE = "create"
    OBSERVE = "observe"
    INTERACTIVE = "interactive"
    METRICS = "metrics"


SHARES: Mapping[RequestClass, int] = MappingProxyType(
    {
        RequestClass.DELETE: 8,
        RequestClass.CREATE: 20,
        RequestClass.OBSERVE: 30,
        RequestClass.INTERACTIVE: 8,
        RequestClass.METRICS: 3,
    }
)
"""Requests a minute that a class owns of `PLANNED_LIMIT`; scaled, and at least 1, for other limits."""


@dataclass(eq=False, slots=True)
class Start:
    """One request that started. `request_class` is None for the imagined requests of a forerunner."""

    at: float
    request_class: RequestClass | None


class RequestWindow:
    """The starts of the last minute. `started_at` and every `now` are monotonic seconds of one clock.

    Raises ValueError for a limit below `MIN_LIMIT`.
    """

    def __init__(self, started_at: float, *, limit: int = PLANNED_LIMIT, first_requests: int = FIRST_REQUESTS) -> None:
        if limit < MIN_LIMIT:
            raise ValueError(f"a limit of {limit} requests a minute is too low: at least {MIN_LIMIT}")
        self._full_limit = limit
        self._reduced_limit = limit
        self._paused_until = started_at
        self._may_reduce_from = started_at
        self._starts: deque[Start] = deque(
            Start(started_at - WINDOW_S + n * WINDOW_S / limit, None) for n in range(1, limit - first_requests + 1)
        )
        self._used: Counter[RequestClass | None] = Counter(start.request_class for start in self._starts)

    def available(self, request_class: RequestClass, now: float) -> int:
        """Return how many requests of a class could start now."""
        if self.paused_for(now) > 0:
            return 0
        limit, used = self.limit(now), self.used(now)
        unused = {one: max(0, self._share(one, limit) - self._used[one]) for one in RequestClass}
        nobodys = max(0, limit - used - sum(unused.values()))
        return max(0, min(limit - used, unused[request_class] + nobodys))

    def start(self, request_class: RequestClass, now: float) -> Start:
        """Remember that a request starts. Call it only where `available` is not 0."""
        start = Start(now, request_class)
        self._starts.append(start)
        self._used[request_class] += 1
        return start

    def give_back(self, start: Start) -> None:
        """Forget a start that did not lead to a request."""
        if start in self._starts:
            self._starts.remove(start)
            self._used[start.request_class] -= 1

    def throttle(self, now: float, retry_after: float | None) -> None:
        """Take a 429 into account: pause for `retry_after` seconds, then go on with half the limit."""
        reduced = self.limit(now)
        if now >= self._may_reduce_from:
            reduced = max(MIN_LIMIT, reduced // 2)
            self._may_reduce_from = now + REDUCTION_INTERVAL_S
        self._reduced_limit = reduced
        pause = PAUSE_S if retry_after is None else max(0.0, retry_after)
        self._paused_until = max(self._paused_until, now + pause)

    def limit(self, now: float) -> int:
        """Return how many requests may start in a minute, as of now."""
        grown = (now - self._paused_until) / RECOVERY_S
        share_regained = min(1.0, max(0.0, grown))
        return self._reduced_limit + int((self._full_limit - self._reduced_limit) * share_regained)

    def used(self, now: float) -> int:
        """Return how many requests started in the last minute, imagined ones included."""
        while self._starts and self._starts[0].at + WINDOW_S <= now:
            self._used[self._starts.popleft().request_class] -= 1
        return len(self._starts)

    def used_by(self, request_class: RequestClass, now: float) -> int:
        """Return how many requests of one class started in the last minute."""
        self.used(now)
        return self._used[request_class]

    def paused_for(self, now: float) -> float:
        """Return for how many more seconds no request may start at all."""
        return max(0.0, self._paused_until - now)

    def next_change(self, now: float) -> float | None:
        """Return when, at the earliest, `available` can grow; None if it cannot."""
        if self.paused_for(now) > 0:
            return self._paused_until
        times = [self._starts[0].at + WINDOW_S] if self.used(now) else []
        if self.limit(now) < self._full_limit:
            times.append(now + RECOVERY_STEP_S)
        return min(times, default=None)

    def _share(self, request_class: RequestClass, limit: int) -> int:
        return max(1, SHARES[request_class] * limit // PLANNED_LIMIT)
