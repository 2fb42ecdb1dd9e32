"""Reads a range of log entries page by page: sans-io, forwards or backwards.

Pages go on by time alone, and the time where one ends may have more entries than it holds. So the next page begins at
that time again, and what was seen there is counted off: two equal lines of one time are two lines. A page full of one
time stamp cannot be gone on from; it is a gap, and said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scvk.provider.program_log.lines import text_of
from scvk.saladcloud.models import MAX_LOG_PAGE_SIZE, LogEntry, SortOrder

TICK = timedelta(microseconds=1)
"""SaladCloud's times have no finer part."""

Key = tuple[datetime, str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """The next question: both ends of the range belong to it."""

    start: datetime
    end: datetime
    size: int
    order: SortOrder


def key_of(entry: LogEntry) -> Key:
    """Return what tells an entry from others but its equals."""
    return entry.time, entry.resource.labels.get("instance_id") or "", text_of(entry)


class Forwards:
    """From the oldest entry of a range to the newest."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self._start = start
        self._end = end
        self._seen: Counter[Key] = Counter()
        self.gaps: list[datetime] = []
        """Times of which there are more entries than a page holds."""
        self._done = start > end

    def page(self) -> Page | None:
        """Return the next page to ask for; None when there is none left."""
        return None if self._done else Page(self._start, self._end, MAX_LOG_PAGE_SIZE, SortOrder.ASCENDING)

    def take(self, items: Iterable[LogEntry]) -> list[LogEntry]:
        """Take the answer; return the entries in it that are new, the oldest first."""
        entries = sorted(items, key=lambda entry: entry.time)
        fresh = unseen(entries, self._seen)
        if len(entries) < MAX_LOG_PAGE_SIZE:
            self._done = True
            return fresh
        newest = entries[-1].time
        if newest <= self._start:
            self.gaps.append(newest)
            self._start, self._seen = newest + TICK, Counter()
        else:
            self._start = newest
            self._seen = Counter(key_of(entry) for entry in entries if entry.time == newest)
        self._done = self._start > self._end
        return fresh


class Backwards:
    """The newest `count` entries of a range; ask for pages until there is none left, then take `entries`."""

    def __init__(self, start: datetime, end: datetime, count: int) -> None:
        self._start = start
        self._end = end
        self._count = count
        self._seen: Counter[Key] = Counter()
        self._found: list[LogEntry] = []
        self.gaps: list[datetime] = []
        """As in `Forwards`."""
        self._done = start > end or count <= 0

    @property
    def entries(self) -> list[LogEntry]:
        """The newest entries, the oldest of them first."""
        return list(reversed(self._found[: self._count]))

    def page(self) -> Page | None:
        """Return the next page to ask for; None when there is none left."""
        if self._done:
            return None
        size = min(MAX_LOG_PAGE_SIZE, self._count - len(self._found) + self._seen.total())
        return Page(self._start, self._end, size, SortOrder.DESCENDING)

    def take(self, items: Sequence[LogEntry]) -> None:
        """Take the answer."""
        page = self.page()
        assert page is not None
        # The newest came first; of one time, the order of the page is all that there is.
        entries = sorted(items, key=lambda entry: entry.time, reverse=True)
        self._found += unseen(entries, self._seen)
        if len(entries) < page.size or len(self._found) >= self._count:
            self._done = True
            return
        oldest = entries[-1].time
        if oldest >= self._end and page.size == MAX_LOG_PAGE_SIZE:
            self.gaps.append(oldest)
            self._end, self._seen = oldest - TICK, Counter()
        else:
            self._end = oldest
            self._seen = Counter(key_of(entry) for entry in entries if entry.time == oldest)
        self._done = self._end < self._start


def unseen(entries: Iterable[LogEntry], seen: Counter[Key]) -> list[LogEntry]:
    """Return the entries that are not among those seen, each of which hides one of its equals, once: `seen` shrinks."""
    fresh = []
    for entry in entries:
        key = key_of(entry)
        if seen[key] > 0:
            seen[key] -= 1
        else:
            fresh.append(entry)
    return fresh
