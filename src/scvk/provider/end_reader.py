"""Reads the log of an end, where it may tell something for the pod: a thin shell with a short memory.

Costs one log query for an end, and a few more while the log is silent: entries come late. Ends after which the program
is started again are read only while the request budget has room, and not more often than once a minute for a group.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from lightkube.models.core_v1 import Container

from scvk.provider.last_words import LastWords, Wish, last_words, told_anything
from scvk.provider.timeline import Run
from scvk.saladcloud.budget import RequestBudget, RequestClass
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.errors import SaladCloudError
from scvk.saladcloud.models import MAX_LOG_PAGE_SIZE, LogEntryQuery, SortOrder

PATIENCE = timedelta(seconds=10)
"""So long after an end its log may still be on its way."""
SPARE_REQUESTS = 60
"""Requests that must be free for the log of an end after which the program is started again."""
PAUSE_S = 60.0
MOST_REMEMBERED = 2000
CLOCK_MARGIN = timedelta(seconds=1)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class End:
    """One end of a group's program. `final` says that the pod ends with it."""

    group: str
    run: Run
    final: bool


class EndReader:
    """Constructing it has no effect."""

    def __init__(
        self,
        client: SaladCloudClient,
        budget: RequestBudget,
        *,
        project: str,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._client = client
        self._budget = budget
        self._project = project
        self._now = now
        self._monotonic = monotonic
        self._words: OrderedDict[tuple[str, datetime], LastWords] = OrderedDict()
        self._asked: dict[str, float] = {}
        self._last: dict[str, datetime] = {}
        """Group → the end whose log was last asked for, and when in `_asked`."""
        self._awaited: set[tuple[str, datetime]] = set()
        """Ends whose log was silent so far and may still come, or was not to be read yet."""

    @property
    def groups(self) -> frozenset[str]:
        """Return the groups of which anything is remembered."""
        return frozenset((*self._asked, *(name for name, _ in self._words), *(name for name, _ in self._awaited)))

    def known(self, group: str) -> Mapping[datetime, LastWords]:
        """Return what is known of the group's ends, by their time. Costs nothing."""
        return {end: words for (name, end), words in self._words.items() if name == group}

    def awaits(self, group: str, end: datetime | None) -> bool:
        """Say whether the log of an end was not read, or in vain, and is worth another look."""
        return end is not None and (group, end) in self._awaited

    async def read(self, end: End, container: Container, wish: Wish) -> bool:
        """Read the log of an end; return whether all that may come is there. Costs at most one request."""
        at = end.run.end
        if at is None or end.run.exit_code is None or (end.group, at) in self._words:
            return True
        late = self._now() - at > PATIENCE or not wish.worth_waiting
        if not end.final and not self._may_ask(end.group, again=not late and self._last.get(end.group) == at):
            self._awaited.add((end.group, at))
            return False
        words: LastWords | None = None
        try:
            words = await self._ask(end, container, end.run.exit_code)
        except SaladCloudError as error:
            log.info("the log of an end cannot be read now", group=end.group, error=str(error))
        if not late and (words is None or not told_anything(words)):
            self._awaited.add((end.group, at))
            return False
        self._awaited.discard((end.group, at))
        if words is not None:
            self._words[end.group, at] = words
        while len(self._words) > MOST_REMEMBERED:
            self._words.popitem(last=False)
        return True

    def forget(self, group: str) -> None:
        """Drop what is known of a group that is gone."""
        self._asked.pop(group, None)
        self._last.pop(group, None)
        self._awaited = {key for key in self._awaited if key[0] != group}
        for key in [key for key in self._words if key[0] == group]:
            del self._words[key]

    def _may_ask(self, group: str, *, again: bool) -> bool:
        """Say whether a look is due and the budget has room; `again`: at a log that may just be on its way."""
        since = self._monotonic() - self._asked.get(group, float("-inf"))
        return (again or since >= PAUSE_S) and self._budget.available(RequestClass.OBSERVE) >= SPARE_REQUESTS

    async def _ask(self, end: End, container: Container, exit_code: int) -> LastWords:
        assert end.run.end is not None
        self._asked[end.group], self._last[end.group] = self._monotonic(), end.run.end
        until = min(end.run.end + PATIENCE, self._now() - CLOCK_MARGIN)
        instance = f' and resource.labels.instance_id = "{end.run.instance_id}"' if end.run.instance_id else ""
        query = LogEntryQuery(
            query=(
                f'resource.type = "container" and resource.labels.project_name = "{self._project}"'
                f' and resource.labels.container_group_name = "{end.group}"{instance}'
            ),
            start_time=min(end.run.start, until),
            end_time=until,
            page_size=MAX_LOG_PAGE_SIZE,
            sort_order=SortOrder.DESCENDING,
        )
        page = await self._client.query_log_entries(query, request_class=RequestClass.OBSERVE)
        # The newest came first; of one time, the order of the page is all that there is.
        entries = [*reversed(page.items)]
        entries.sort(key=lambda entry: entry.time)
        return last_words(entries, container, exit_code)
