"""The live lines of all groups that somebody follows: one query for all of them, whatever their number.

Each look goes back over what was seen before, since entries come late; but over no more than half a page, so that a
talkative program costs no further pages. Every follower counts off for itself what it has had.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from scvk.provider.program_log.pages import Forwards, Key, Page, key_of, unseen
from scvk.saladcloud.errors import SaladCloudError
from scvk.saladcloud.models import MAX_LOG_PAGE_SIZE, MAX_LOG_QUERY_LENGTH, LogEntry

LOOK_EVERY_S = 2.0
SLOWEST_LOOK_S = 30.0
OVERLAP = timedelta(seconds=20)
MOST_REPEATED = MAX_LOG_PAGE_SIZE // 2
CLOCK_MARGIN = timedelta(seconds=1)
"""A range may not end in the future by the platform's clock, which may be a little behind ours."""
MOST_LOOKS_BEHIND = 64
"""Looks that are kept for a slow reader: two minutes and more."""
MOST_PAGES = 10
"""Pages of one look; what is left comes in the next."""

log = structlog.get_logger(__name__)

Read = Callable[[str, Page], Awaitable[Sequence[LogEntry]]]
"""Asks for one page with a query's words; raises SaladCloudError."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found for one follower: all up to `reached`, but for times of which there are too many entries."""

    reached: datetime
    entries: list[LogEntry]
    gaps: list[datetime]


class Follower:
    """One follower of one group, who has had `had` and wants nothing that is older than `since`."""

    def __init__(self, group: str, had: Iterable[LogEntry], since: datetime) -> None:
        self.group = group
        self._since = since
        self._had: deque[Key] = deque(key_of(entry) for entry in had)
        self._looks: asyncio.Queue[Look | None] = asyncio.Queue(MOST_LOOKS_BEHIND)
        self._behind = False

    def take(self, start: datetime, until: datetime, entries: Iterable[LogEntry], gaps: list[datetime]) -> None:
        """Take what a look over all groups from `start` to `until` found."""
        if self._behind:
            return
        if self._looks.qsize() >= MOST_LOOKS_BEHIND - 1:
            self._behind = True
            self._looks.put_nowait(None)
            return
        self._had = deque(key for key in self._had if key[0] >= start)
        own = (entry for entry in entries if _group_of(entry) == self.group and entry.time >= self._since)
        fresh = unseen(own, Counter(self._had))
        self._had.extend(key_of(entry) for entry in fresh)
        self._looks.put_nowait(Look(until, fresh, gaps))

    async def next(self) -> Look | None:
        """Return the next look; None where the reader was too slow, and has to read what it missed by itself."""
        return await self._looks.get()


class LiveLog:
    """Looks while there is a follower. `now` is the wall clock."""

    def __init__(self, read: Read, *, project: str, now: Callable[[], datetime]) -> None:
        self._read = read
        self._project = project
        self._now = now
        self._followers: list[Follower] = []
        self._cursor: datetime | None = None
        self._newest: deque[datetime] = deque(maxlen=MOST_REPEATED)
        self._task: asyncio.Task[None] | None = None

    def follow(self, group: str, had: Iterable[LogEntry], *, since: datetime, until: datetime) -> Follower:
        """Begin to follow a group: of what was said from `since` to `until`, `had` is what has been seen."""
        follower = Follower(group, had, since)
        if not self._followers or self._cursor is None:
            self._cursor = until
            self._newest.clear()
        self._cursor = min(self._cursor, until)
        self._followers.append(follower)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look_on())
        return follower

    def leave(self, follower: Follower) -> None:
        """Follow no longer."""
        self._followers.remove(follower)
        if not self._followers and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _look_on(self) -> None:
        failures = 0
        while True:
            await asyncio.sleep(min(LOOK_EVERY_S * 2**failures, SLOWEST_LOOK_S))
            try:
                await self.look()
                failures = 0
            except SaladCloudError as error:
                failures = min(failures + 1, 5)
                log.info("logs that are followed could not be read now; trying again", error=str(error))

    async def look(self) -> None:
        """Look once, for all followers. Raises SaladCloudError; nothing is lost by it."""
        assert self._cursor is not None
        end = self._now() - CLOCK_MARGIN
        start = self._cursor - OVERLAP
        if len(self._newest) == MOST_REPEATED:
            start = max(start, self._newest[0])
        start = min(start, end)
        query = log_query(self._project, sorted({follower.group for follower in self._followers}))
        pages = Forwards(start, end)
        found: list[LogEntry] = []
        reached = end
        for _ in range(MOST_PAGES):
            page = pages.page()
            if page is None:
                break
            found += pages.take(await self._read(query, page))
        if (rest := pages.page()) is not None:
            reached = rest.start
        self._cursor = reached
        self._newest.extend(sorted(entry.time for entry in found)[-MOST_REPEATED:])
        self._newest = deque(sorted(self._newest), maxlen=MOST_REPEATED)
        for follower in tuple(self._followers):
            follower.take(start, reached, found, pages.gaps)


def log_query(project: str, groups: Sequence[str]) -> str:
    """Return the words that find the output of these groups: of all where they are too many to be named."""
    whole = f'resource.type = "container" and resource.labels.project_name = "{project}"'
    names = " or ".join(f'resource.labels.container_group_name = "{group}"' for group in groups)
    named = f"{whole} and ({names})"
    return named if len(named) <= MAX_LOG_QUERY_LENGTH else whole


def _group_of(entry: LogEntry) -> str | None:
    return entry.resource.labels.get("container_group_name")
