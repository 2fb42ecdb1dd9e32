"""Reads the system logs of groups in transition while the log entries of the project cannot be had.

One request tells of one group, where one query for log entries tells of all; so it is a makeshift, for groups that are
on their way or just changed, in turn, and out of observing's share.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from scvk.provider.cloud_observer import CloudObserver
from scvk.provider.cloud_view import CloudView
from scvk.provider.pace import SPARE_FOR_ASKING
from scvk.provider.timeline import PlatformEvent
from scvk.saladcloud.budget import RequestBudget, RequestClass
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.errors import NotFound
from scvk.saladcloud.models import SystemLog


class SystemLogReader:
    """Constructing it has no effect."""

    def __init__(
        self, client: SaladCloudClient, budget: RequestBudget, view: CloudView, observer: CloudObserver
    ) -> None:
        self._client = client
        self._budget = budget
        self._view = view
        self._observer = observer
        self._wanted: OrderedDict[str, None] = OrderedDict()

    def want(self, names: Iterable[str]) -> None:
        """Read the logs of these groups soon, once."""
        self._wanted.update(dict.fromkeys(sorted(names)))  # what follows can be had again

    def forget(self) -> None:
        """Take all wishes back: log entries tell again."""
        self._wanted.clear()

    def keep(self, names: Iterable[str]) -> None:
        """Take the wishes for all but these groups back."""
        kept = set(names)
        self._wanted = OrderedDict((name, None) for name in self._wanted if name in kept)

    async def read_next(self) -> None:
        """Read the logs of the group whose turn it is, if any, and if the budget has room."""
        if not self._wanted or self._budget.available(RequestClass.OBSERVE) < SPARE_FOR_ASKING:
            return
        name, _ = self._wanted.popitem(last=False)
        try:
            answer = await self._client.get_system_logs(name, request_class=RequestClass.OBSERVE)
        except NotFound:
            return  # the next listing tells whether the group is gone
        found = [(name, event_of_system_log(entry)) for entry in answer.items]
        self._observer.groups_changed(self._view.apply_events(found))


def event_of_system_log(entry: SystemLog) -> PlatformEvent:
    """Return the event of an entry: the same as its log entry's, where both can be had."""
    return PlatformEvent(entry.event_time, entry.event_name.strip(), entry.instance_id or "", entry.machine_id or "")
