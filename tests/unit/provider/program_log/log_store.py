"""A log as the platform keeps it, small: entries, and pages of a range as its query answers them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from scvk.provider.program_log.pages import Page
from scvk.saladcloud.models import LogEntry, LogEntryResource, SortOrder

START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def entry(second: float, text: str, *, group: str = "web", instance: str = "a") -> LogEntry:
    """Return a line of output."""
    labels = {"container_group_name": group, "instance_id": instance}
    return LogEntry(
        time=START + timedelta(seconds=second),
        resource=LogEntryResource(type="container", labels=labels),
        text_log=text,
    )


class LogStore:
    """Answers pages, and counts them. Entries may be added at any time, also with times that are past."""

    def __init__(self, entries: Sequence[LogEntry] = (), *, most: int = 100) -> None:
        self.entries = list(entries)
        self.most = most
        self.pages = 0
        self.queries: list[str] = []

    def answer(self, page: Page) -> list[LogEntry]:
        """Return a page."""
        self.pages += 1
        down = page.order == SortOrder.DESCENDING
        found = sorted(
            (each for each in self.entries if page.start <= each.time <= page.end),
            key=lambda each: each.time,
            reverse=down,
        )
        return found[: min(page.size, self.most)]

    async def read(self, query: str, page: Page) -> list[LogEntry]:
        """As `answer`, for those who wait."""
        self.queries.append(query)
        return self.answer(page)
