"""Reading log entries page by page, each entry once. SaladCloud pages by time alone.

The next page begins with the time at which the last one ended, and so repeats some entries: as many as were there are
passed over, since a program may well write the same line twice in one instant. A page full of one time stamp cannot be
continued: what may be missing is told as a `Gap`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from scvk.provider.container_logs.line_text import line_text
from scvk.saladcloud.models import MAX_LOG_PAGE_SIZE, LogEntry, LogEntryQuery, SortOrder

_NEXT_INSTANT = timedelta(microseconds=1)

Ask = Callable[[LogEntryQuery], Awaitable[tuple[LogEntry, ...]]]
"""Sends one query; raises SaladCloudError."""

Identity = tuple[datetime, str, str, str]


@dataclass(frozen=True, slots=True)
class Gap:
    """Entries of one instant that the API did not show; there may be none."""

    time: datetime


def identity(entry: LogEntry) -> Identity:
    """Return what tells an entry from others; equal ones are equal lines of one instant."""
    labels = entry.resource.labels
    group, instance = labels.get("container_group_name") or "", labels.get("instance_id") or ""
    return (entry.time, group, instance, line_text(entry))


async def pages(
    ask: Ask, query: str, start: datetime, end: datetime, order: SortOrder = SortOrder.ASCENDING
) -> AsyncIterator[list[LogEntry | Gap]]:
    """Yield the entries between `start` and `end`, both included, in order. One request a page."""
    rising = order is SortOrder.ASCENDING
    passed_over: Counter[Identity] = Counter()
    while start <= end:
        items = await ask(
            LogEntryQuery(query=query, start_time=start, end_time=end, page_size=MAX_LOG_PAGE_SIZE, sort_order=order)
        )
        # The platform sorts; but where it did not, nothing must be lost for it.
        items = tuple(sorted(items, key=lambda entry: entry.time, reverse=not rising))
        fresh: list[LogEntry | Gap] = []
        for entry in items:
            if passed_over[identity(entry)] > 0:
                passed_over[identity(entry)] -= 1
            else:
                fresh.append(entry)
        is_full = len(items) >= MAX_LOG_PAGE_SIZE
        if not is_full:
            yield fresh
            return
        last = items[-1].time
        passed_over = Counter(identity(entry) for entry in items if entry.time == last)
        if items[0].time == last:
            fresh.append(Gap(last))
            passed_over.clear()
            last = last + _NEXT_INSTANT if rising else last - _NEXT_INSTANT
        start, end = (last, end) if rising else (start, last)
        yield fresh
