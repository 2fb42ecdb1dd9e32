"""The `LogSource` of pods on SaladCloud. Costs a request for 100 lines; following costs the same for any number."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

from lightkube.resources.core_v1 import Pod

from scvk.kubelet.capabilities import LogLine, LogRequest, NotPossible
from scvk.provider.cloud_view import Absent, CloudView
from scvk.provider.container_logs.following import CLOCK_MARGIN, LOOK_BACK, LOOK_EVERY_S, Following, lines_of
from scvk.provider.container_logs.line_text import line_text
from scvk.provider.container_logs.paging import Gap, Identity, identity, pages
from scvk.provider.container_logs.window import LATE, Window, window
from scvk.provider.record import record_of
from scvk.provider.timeline import runs_of
from scvk.saladcloud.budget import RequestClass
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.errors import SaladCloudError
from scvk.saladcloud.models import LogEntry, LogEntryQuery, SortOrder

KEPT_FOR = timedelta(days=90)
"""The platform keeps entries so long."""


class ContainerLogs:
    """Constructing it has no effect."""

    def __init__(self, client: SaladCloudClient, view: CloudView, *, project: str, now: Callable[[], datetime]) -> None:
        self._client = client
        self._view = view
        self._project = project
        self._now = now
        self._following = Following(self._ask, project=project, now=now)

    async def logs(self, pod: Pod, container: str, request: LogRequest) -> AsyncIterator[LogLine]:
        """Return the lines of a run, and those to come where they are followed. See `LogSource`."""
        span = window(pod, container, previous=request.previous)
        record = record_of((pod.metadata.annotations if pod.metadata else None) or {})
        if record is None:
            raise NotPossible("the pod has no container group on SaladCloud")
        begin = max(span.begin, self._now() - KEPT_FOR)
        if request.since is not None:
            begin = max(begin, request.since)
        span = Window(begin.astimezone(UTC), span.end)
        if request.follow and not request.previous and span.end is None:
            return self._followed(record.group, span, request.tail)
        return self._written(record.group, span, request.tail)

    async def _ask(self, query: LogEntryQuery) -> tuple[LogEntry, ...]:
        answer = await self._client.query_log_entries(query, request_class=RequestClass.INTERACTIVE)
        return answer.items

    async def _written(self, group: str, span: Window, tail: int | None) -> AsyncIterator[LogLine]:
        async for item in self._history(group, span, tail):
            yield _line(item)

    async def _history(self, group: str, span: Window, tail: int | None) -> AsyncIterator[LogEntry | Gap]:
        latest = self._now() - CLOCK_MARGIN
        end = min(span.end, latest) if span.end is not None else latest
        query = lines_of(self._project, [group])
        try:
            if tail is None:
                async for page in pages(self._ask, query, span.begin, end):
                    for item in page:
                        yield item
                return
            newest: list[LogEntry | Gap] = []
            if tail > 0:
                async for page in pages(self._ask, query, span.begin, end, SortOrder.DESCENDING):
                    newest += page
                    if len(newest) >= tail:
                        break
            for item in reversed(newest[:tail]):
                yield item
        except SaladCloudError as error:
            raise NotPossible(f"SaladCloud does not show log entries now: {error}") from error

    async def _followed(self, group: str, span: Window, tail: int | None) -> AsyncIterator[LogLine]:
        async with self._following.joined(group) as feed:
            shown: Counter[Identity] = Counter()
            recent = feed.looked_until - 2 * LOOK_BACK
            async for item in self._history(group, span, tail):
                yield _line(item)
                if isinstance(item, LogEntry) and item.time >= recent:
                    shown[identity(item)] += 1
            # With --tail, older lines than those that were shown are passed over, too.
            first = span.begin if tail is None else max(span.begin, feed.looked_until)
            while True:
                ended = self._ended(group, span.begin)
                is_over = ended is not None and feed.looked_until > ended + LATE
                for item in await feed.take(0 if is_over else LOOK_EVERY_S):
                    if isinstance(item, LogEntry):
                        key = identity(item)
                        if shown[key] > 0:
                            shown[key] -= 1
                            continue
                        if item.time < first or (ended is not None and item.time > ended + LATE):
                            continue
                    yield _line(item)
                if is_over:
                    return
                await asyncio.sleep(0)

    def _ended(self, group: str, begin: datetime) -> datetime | None:
        """Return when the run that is followed ended, if it did: an instance that moved is no end."""
        for run in runs_of(self._view.events(group)):
            if run.end is not None and run.exit_code is not None and run.end >= begin:
                return run.end
        return begin if isinstance(self._view.lookup(group), Absent) else None


def _line(item: LogEntry | Gap) -> LogLine:
    if isinstance(item, Gap):
        return LogLine(item.time, "(more lines of this instant than SaladCloud shows: some may be missing here)")
    return LogLine(item.time, line_text(item))
