"""The log of a pod's program, past and live: the shell around `spans`, `pages` and `live`.

Costs one request of the interactive class for each 100 lines of the past, and one for all followers together every two
seconds.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime, timedelta

from lightkube.resources.core_v1 import Pod

from scvk.kubelet.informer import uid_of
from scvk.kubelet.log_source import LogLine, LogRequest, NoLog
from scvk.kubelet.provider import TemporaryProviderError
from scvk.provider.cloud_view import CloudView
from scvk.provider.pod_status import container_status, last_start
from scvk.provider.program_log.lines import line_of
from scvk.provider.program_log.live import CLOCK_MARGIN, MOST_REPEATED, OVERLAP, LiveLog, log_query
from scvk.provider.program_log.pages import TICK, Backwards, Forwards, Key, Page, key_of, unseen
from scvk.provider.program_log.spans import ended_since, span_of
from scvk.provider.record import record_of
from scvk.saladcloud.budget import RequestClass
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.errors import SaladCloudError
from scvk.saladcloud.models import MAX_LOG_PAGE_SIZE, LogEntry, LogEntryQuery

LATE = timedelta(seconds=6)
"""So long after an end, lines of the run may still come: a follower waits for them."""
CAUGHT_UP = timedelta(seconds=5)
"""A past that took longer to read is read on before its follower joins the live log."""


GAP = "[lines are missing here: SaladCloud shows no more than {most} of one time stamp]"


class ProgramLog:
    """Implements `scvk.kubelet.log_source.LogSource`. One for a project."""

    def __init__(self, client: SaladCloudClient, view: CloudView, *, project: str, now: Callable[[], datetime]) -> None:
        self._client = client
        self._view = view
        self._project = project
        self._now = now
        self._live = LiveLog(self._read, project=project, now=now)

    async def logs(
        self, pod: Pod, request: LogRequest, latest: Callable[[], Pod | None]
    ) -> AsyncGenerator[LogLine, None]:
        """Yield the lines of the pod's program; see the protocol."""
        record = record_of((pod.metadata.annotations if pod.metadata else None) or {})
        group = record.group if record is not None else ""
        span = span_of(pod, self._view.events(group), request)
        if not group:
            raise NoLog(f'container "{request.container}" has no container group that is known: its record is gone')
        until = self._now() - CLOCK_MARGIN
        start = max(span.start, request.since) if request.since is not None else span.start
        end = until if span.end is None else min(span.end, until)
        follows = request.follow and not request.previous and span.end is None
        try:
            if request.tail_lines is None:
                async for line in self._forwards(group, start, end, recent := _Recent(start)):
                    yield line
            else:
                lines, recent = await self._tail(group, start, end, request.tail_lines, follows=follows)
                for line in lines:
                    yield line
        except SaladCloudError as error:
            raise _unreadable(error) from error
        if follows:
            async for line in self._follow(pod, group, recent, until, latest):
                yield line

    async def _forwards(self, group: str, start: datetime, end: datetime, recent: _Recent) -> AsyncIterator[LogLine]:
        """Yield a range but for what was shown of it."""
        query, pages = log_query(self._project, [group]), Forwards(start, end)
        seen = recent.seen()
        while (page := pages.page()) is not None:
            known = len(pages.gaps)
            fresh = unseen(pages.take(await self._read(query, page)), seen)
            for line in recent.show(fresh, pages.gaps[known:]):
                yield line

    async def _tail(
        self, group: str, start: datetime, end: datetime, count: int, *, follows: bool
    ) -> tuple[list[LogLine], _Recent]:
        """Return the last lines; a follower has to know some more of them, so that it does not show these as new."""
        query, pages = log_query(self._project, [group]), Backwards(start, end, max(count, MOST_REPEATED * follows))
        while (page := pages.page()) is not None:
            pages.take(await self._read(query, page))
        entries = pages.entries
        recent = _Recent(entries[0].time + TICK if len(entries) >= MOST_REPEATED else start)
        lines = recent.show(entries, pages.gaps)
        return lines[-count:] if count else [], recent

    async def _follow(
        self, pod: Pod, group: str, recent: _Recent, until: datetime, latest: Callable[[], Pod | None]
    ) -> AsyncIterator[LogLine]:
        """Yield what is new after `until`, from the live log, and from the past again where the reader is too slow."""
        began = last_start(container_status(pod))
        gone_at: datetime | None = None
        while True:
            while (reached := self._now() - CLOCK_MARGIN) - until > CAUGHT_UP:
                try:
                    async for line in self._forwards(group, recent.since(until), reached, recent):
                        yield line
                except SaladCloudError as error:
                    raise _unreadable(error) from error
                until = reached
            follower = self._live.follow(group, recent.entries, since=recent.since(until), until=until)
            try:
                while (look := await follower.next()) is not None:
                    until = look.reached
                    for line in recent.show(look.entries, look.gaps):
                        yield line
                    current = latest()
                    if current is None or uid_of(current) != uid_of(pod):
                        gone_at = gone_at or self._now()
                    ended = gone_at or (ended_since(container_status(current), began) if current is not None else None)
                    if ended is not None and until > ended + LATE:
                        return
            finally:
                self._live.leave(follower)

    async def _read(self, query: str, page: Page) -> Sequence[LogEntry]:
        answer = await self._client.query_log_entries(
            LogEntryQuery(
                query=query,
                start_time=page.start,
                end_time=page.end,
                page_size=page.size,
                sort_order=page.order,
            ),
            request_class=RequestClass.INTERACTIVE,
        )
        return answer.items


class _Recent:
    """What was shown last: a later look over the same time counts it off. Nothing older than `floor` is shown later."""

    def __init__(self, floor: datetime) -> None:
        self._floor = floor
        self.entries: deque[LogEntry] = deque()
        self._gaps: set[datetime] = set()

    def seen(self) -> Counter[Key]:
        """Return what to count off."""
        return Counter(key_of(entry) for entry in self.entries)

    def since(self, until: datetime) -> datetime:
        """Return from where on a look that goes back behind `until` can tell what is new."""
        return max(self._floor, until - OVERLAP)

    def show(self, entries: Iterable[LogEntry], gaps: Iterable[datetime]) -> list[LogLine]:
        """Return new entries as lines, the oldest first, and remember them; of each gap one line, once."""
        entries = list(entries)
        self.entries.extend(entries)
        newest = max((entry.time for entry in entries), default=None)
        while newest is not None and self.entries[0].time < newest - OVERLAP:
            self.entries.popleft()
        new_gaps = set(gaps) - self._gaps
        self._gaps |= new_gaps
        lines = [line for entry in entries if (line := line_of(entry)) is not None]
        lines += [LogLine(gap, GAP.format(most=MAX_LOG_PAGE_SIZE)) for gap in new_gaps]
        return sorted(lines, key=lambda line: line.time)


def _unreadable(error: SaladCloudError) -> TemporaryProviderError:
    return TemporaryProviderError(f"the log cannot be read now: {error}")
