"""Looks at instances more often while somebody reads what pods use: in turn, each at most once a minute.

The sweep of the poller looks at four or five instances a minute, which is enough while nobody asks. A reader costs up
to 60 requests a minute more, of the budget's class of metrics, and only of what all other classes leave free.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from heapq import nlargest

import structlog

from scvk.provider.contact import words_of
from scvk.saladcloud.budget import RequestBudget, RequestClass
from scvk.saladcloud.errors import RateLimited

LOOK_EVERY_S = 1.0
PLANNED = 30
"""Looks that are planned at once: to find out who is next costs as much as there are groups."""
EACH_AFTER_S = 60.0
SPARE_FOR_FIGURES = 40
"""Requests that must be free in the budget: a burst of creations, deletions or readers of logs finds room."""

log = structlog.get_logger(__name__)


class FigureRounds:
    """`groups` are those that run; `looked` tells when a group was asked for last, in monotonic seconds."""

    def __init__(
        self,
        budget: RequestBudget,
        groups: Callable[[], Iterable[str]],
        looked: Callable[[str], float | None],
        look: Callable[[str, RequestClass], Awaitable[None]],
        *,
        is_read: Callable[[], bool],
        monotonic: Callable[[], float],
    ) -> None:
        self._budget = budget
        self._groups = groups
        self._looked = looked
        self._look = look
        self._is_read = is_read
        self._monotonic = monotonic
        self._planned: deque[str] = deque()

    async def run(self) -> None:
        """Look until cancelled; what fails is looked at again in its turn."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            group = self._next()
            if group is None:
                continue
            try:
                await self._look(group, RequestClass.METRICS)
            except Exception as error:  # noqa: BLE001 - figures are worth no more than another try
                log.info("figures: no certain answer; what was known stays", group=group, error=words_of(error))
                if isinstance(error, RateLimited):
                    await asyncio.sleep(error.retry_after or EACH_AFTER_S)

    def _next(self) -> str | None:
        """Return a group that was not asked for within a minute, longest ago first, where the budget has room."""
        if not self._is_read() or self._budget.available(RequestClass.METRICS) < SPARE_FOR_FIGURES:
            return None
        if not self._planned:
            due = [name for name in self._groups() if self._age(name) >= EACH_AFTER_S]
            self._planned.extend(nlargest(PLANNED, due, key=self._age))
        while self._planned:
            name = self._planned.popleft()
            if self._age(name) >= EACH_AFTER_S:  # else the sweep came first
                return name
        return None

    def _age(self, name: str) -> float:
        looked = self._looked(name)
        return float("inf") if looked is None else self._monotonic() - looked
