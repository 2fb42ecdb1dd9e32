"""The request budget of an API key: requests wait here for their turn, higher classes first.

The rules are those of `request_window`; this is the shell that waits. One budget belongs to one API key and
one event loop: all clients that use the key share it. A waiter that is cancelled, even at the very moment
of its turn, costs nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scvk.saladcloud.request_window import (
    FIRST_REQUESTS,
    PLANNED_LIMIT,
    PLATFORM_LIMIT,
    RequestClass,
    RequestWindow,
    Start,
)

__all__ = ["PLANNED_LIMIT", "PLATFORM_LIMIT", "BudgetSnapshot", "RequestBudget", "RequestClass"]

_SHORTEST_WAIT_S = 0.001  # a timer may fire a hair too early: the next one must not fire at the same instant for ever


@dataclass(frozen=True, slots=True)
class BudgetSnapshot:
    """The state of a budget, for metrics.

    `limit` requests a minute, `used` of them in the last minute (in the first minute also imagined ones),
    `used_by` and `waiting` by class, `paused_for` seconds, `granted` and `throttlings` since the start.
    """

    limit: int
    used: int
    used_by: Mapping[RequestClass, int]
    waiting: Mapping[RequestClass, int]
    paused_for: float
    granted: Mapping[RequestClass, int]
    throttlings: int


class RequestBudget:
    """Lets at most `limit` requests start in any minute; see `request_window` for the rules.

    `clock` gives monotonic seconds. The budget starts counting when it is constructed. Used from one event
    loop only.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        limit: int = PLANNED_LIMIT,
        first_requests: int = FIRST_REQUESTS,
    ) -> None:
        self._clock = clock
        self._window = RequestWindow(clock(), limit=limit, first_requests=first_requests)
        self._queues: dict[RequestClass, deque[asyncio.Future[Start]]] = {one: deque() for one in RequestClass}
        self._timer: asyncio.TimerHandle | None = None
        self._granted = dict.fromkeys(RequestClass, 0)
        self._throttlings = 0

    async def acquire(self, request_class: RequestClass) -> None:
        """Wait until a request of this class may start; the caller then starts it at once.

        Waits without limit: put a time-out around it where that matters. Cancelling it costs nothing.
        """
        turn: asyncio.Future[Start] = asyncio.get_running_loop().create_future()
        queue = self._queues[request_class]
        queue.append(turn)
        self._grant()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # granted and cancelled in the same turn of the loop
                self._window.give_back(turn.result())
                self._granted[request_class] -= 1
            elif turn in queue:
                queue.remove(turn)
            self._grant()
            raise

    def available(self, request_class: RequestClass) -> int:
        """Return how many more requests of a class could start now, those that wait already counted in."""
        waiting = sum(len(queue) for queue in self._queues.values())
        return max(0, self._window.available(request_class, self._clock()) - waiting)

    def throttled(self, retry_after: float | None) -> None:
        """Take a 429 into account: nothing starts for `retry_after` seconds, then less for some minutes."""
        self._throttlings += 1
        self._window.throttle(self._clock(), retry_after)

    def snapshot(self) -> BudgetSnapshot:
        """Return the state of the budget as of now."""
        now = self._clock()
        return BudgetSnapshot(
            limit=self._window.limit(now),
            used=self._window.used(now),
            used_by={one: self._window.used_by(one, now) for one in RequestClass},
            waiting={one: len(queue) for one, queue in self._queues.items()},
            paused_for=self._window.paused_for(now),
            granted=dict(self._granted),
            throttlings=self._throttlings,
        )

    def _grant(self) -> None:
        now = self._clock()
        # INVARIANT: a lower class is looked at only after all higher ones are served or blocked. A blocked
        # class has used its share and found nothing that is nobody's, so what a lower one then gets is of
        # that one's own share.
        for request_class, queue in self._queues.items():
            while queue and self._window.available(request_class, now) > 0:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(self._window.start(request_class, now))
                    self._granted[request_class] += 1
        self._wake(now)

    def _wake(self, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if any(self._queues.values()):
            at = self._window.next_change(now)
            assert at is not None, "requests can only wait for others, for a pause, or for the limit to grow"
            delay = max(at - now, _SHORTEST_WAIT_S)
            self._timer = asyncio.get_running_loop().call_later(delay, self._grant)
