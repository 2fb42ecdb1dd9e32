"""New lines for everybody who follows: one query for all followed groups, however many follow.

Runs while somebody follows. Entries come late: each look goes back over some time, and what was told is passed over.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import structlog

from scvk.provider.container_logs.paging import Ask, Gap, Identity, identity, pages
from scvk.saladcloud.errors import SaladCloudError
from scvk.saladcloud.models import LogEntry

LOOK_EVERY_S = 2.0
SLOWEST_LOOK_S = 30.0
LOOK_BACK = timedelta(seconds=10)
MOST_REPEATED = 50
"""Entries that a look may read again: half a page."""
CLOCK_MARGIN = timedelta(seconds=1)
"""The end of a query must not be in the platform's future."""
MOST_GROUPS = 100
"""Groups in one query: its text has at most 20,000 characters."""
MOST_WAITING = 10_000
"""Entries that wait for a reader before it is told of a gap."""

log = structlog.get_logger(__name__)


def lines_of(project: str, groups: Sequence[str]) -> str:
    """Return the query for what programs of these groups wrote."""
    names = " or ".join(f'resource.labels.container_group_name = "{group}"' for group in groups)
    return f'resource.type = "container" and resource.labels.project_name = "{project}" and ({names})'


class Feed:
    """What one follower has not read yet."""

    def __init__(self, group: str, looked_until: datetime) -> None:
        self.group = group
        self.looked_until = looked_until
        """All that was known up to then is in the queue, or was there before."""
        self.failure: str | None = None
        self._items: asyncio.Queue[LogEntry | Gap] = asyncio.Queue()

    def put(self, item: LogEntry | Gap) -> None:
        """Add an entry."""
        if self._items.qsize() < MOST_WAITING:
            self._items.put_nowait(item)
        elif self._items.qsize() == MOST_WAITING and isinstance(item, LogEntry):
            self._items.put_nowait(Gap(item.time))

    async def take(self, within_s: float) -> list[LogEntry | Gap]:
        """Return what is there, waiting for a moment at most."""
        taken: list[LogEntry | Gap] = []
        try:
            async with asyncio.timeout(within_s):
                taken.append(await self._items.get())
        except TimeoutError:
            return taken
        while not self._items.empty():
            taken.append(self._items.get_nowait())
        return taken


class Following:
    """Constructing it has no effect."""

    def __init__(self, ask: Ask, *, project: str, now: Callable[[], datetime]) -> None:
        self._ask = ask
        self._project = project
        self._now = now
        self._feeds: set[Feed] = set()
        self._cursor = now()
        self._told: Counter[Identity] = Counter()
        self._task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def joined(self, group: str) -> AsyncIterator[Feed]:
        """Yield a feed of what is written from now on; what the group wrote just before may come again."""
        now = self._now() - CLOCK_MARGIN
        if not self._feeds:
            self._cursor = now
        feed = Feed(group, now)
        self._feeds.add(feed)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        try:
            yield feed
        finally:
            self._feeds.discard(feed)
            if not self._feeds and self._task is not None:
                self._task.cancel()
                self._task = None
                self._told.clear()

    async def _run(self) -> None:
        pause = LOOK_EVERY_S
        while True:
            await asyncio.sleep(pause)
            try:
                await self.look()
                pause = LOOK_EVERY_S
            except SaladCloudError as error:
                pause = min(2 * pause, SLOWEST_LOOK_S)
                log.info("followed logs: no certain answer; trying again", error=str(error))

    async def look(self) -> None:
        """Read once what is new, and hand it out. Raises SaladCloudError; what was read by then is handed out."""
        end = self._now() - CLOCK_MARGIN
        feeds = list(self._feeds)
        groups = sorted({feed.group for feed in feeds})
        start = self._start(end)
        seen: Counter[Identity] = Counter()
        for at in range(0, len(groups), MOST_GROUPS):
            query = lines_of(self._project, groups[at : at + MOST_GROUPS])
            async for page in pages(self._ask, query, start, end):
                for item in page:
                    self._hand_out(item, seen, feeds)
        self._cursor = end
        for feed in feeds:
            feed.looked_until = max(feed.looked_until, end)
        oldest = end - LOOK_BACK
        self._told = Counter({key: count for key, count in self._told.items() if key[0] >= oldest})

    def _start(self, end: datetime) -> datetime:
        start = min(self._cursor, end) - LOOK_BACK
        newest = sorted((key[0] for key in self._told.elements()), reverse=True)[:MOST_REPEATED]
        return max(start, newest[-1]) if len(newest) == MOST_REPEATED else start

    def _hand_out(self, item: LogEntry | Gap, seen: Counter[Identity], feeds: Sequence[Feed]) -> None:
        if isinstance(item, Gap):
            for feed in feeds:
                feed.put(item)
            return
        key = identity(item)
        seen[key] += 1
        if seen[key] > self._told[key]:
            self._told[key] += 1
            for feed in feeds:
                if feed.group == key[1]:
                    feed.put(item)
