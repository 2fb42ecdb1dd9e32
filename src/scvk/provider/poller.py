"""Keeps the cloud view fresh at a constant price in requests, whatever the number of pods.

    every 5 s (`pace`: 2 s in transition, or slower)     one listing of the project's groups
    at the same pace, in between                         one log-entries query for all events of the project
    every 15 s                                           one instance request, over our running groups in turn
    at most every 3 s                                    one instance request for a group in transition that the
                                                         listing and the events cannot tell the state of
    where a listing may be cut (`unlisted_groups`)       what it may lack, by name, in turn
    while log entries fail (`system_log_reader`)         system logs of groups in transition, in turn

A failed request changes nothing in the view and is tried again at a slower pace.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

import structlog

from scvk.provider.cloud_observer import CloudObserver
from scvk.provider.cloud_view import CloudView
from scvk.provider.contact import Contact, words_of
from scvk.provider.group_digest import digest
from scvk.provider.pace import POLL_EVERY_S, SLOWEST_POLL_S, SPARE_FOR_ASKING, Load, pace
from scvk.provider.poller_snapshot import PollerSnapshot
from scvk.provider.progress import is_on_its_way
from scvk.provider.rhythm import PlatformTime, pause_s
from scvk.provider.system_log_reader import SystemLogReader
from scvk.provider.timeline import PlatformEvent, event_of
from scvk.provider.unlisted_groups import UnlistedGroups
from scvk.saladcloud.budget import RequestBudget, RequestClass
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.errors import InvalidRequest, NotFound, RateLimited, SaladCloudError
from scvk.saladcloud.models import MAX_LOG_PAGE_SIZE, LogEntryQuery, SortOrder

SWEEP_EVERY_S = 15.0
ASK_EVERY_S = 3.0
EVENTS_LOOK_BACK = timedelta(minutes=15)
"""How far back the first query goes: what happened while the agent was away."""
EVENTS_OVERLAP = timedelta(seconds=30)
"""Events come late: every query looks again at so much of what was seen; known ones are recognised."""
MOST_REPEATED = MAX_LOG_PAGE_SIZE // 2
"""Known events in one overlap: after a burst the overlap is shorter, so that it does not cost further pages."""
EVENTS_GIVEN_UP_AFTER = 3
"""Failures in a row after which system logs are read instead: half a minute without events."""
MOST_PAGES = 10
"""Pages of events in one round; what is left comes in the next."""

LISTING = "list_container_groups"

log = structlog.get_logger(__name__)


class Poller:
    """The only reader of the cloud's state but for single groups asked for by name."""

    def __init__(
        self,
        client: SaladCloudClient,
        budget: RequestBudget,
        view: CloudView,
        observer: CloudObserver,
        *,
        project: str,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._client = client
        self._budget = budget
        self._view = view
        self._observer = observer
        self._project = project
        self._now = now
        self._monotonic = monotonic
        self._digests: dict[str, object] = {}
        self.cursor = now() - EVENTS_LOOK_BACK
        """Up to when the project's events are known; whoever sets it has the next query begin there."""
        self._wanted: OrderedDict[str, None] = OrderedDict()
        self._resume: datetime | None = None
        """Where to go on with events that one round could not hold."""
        self._newest: list[tuple[datetime, str, str, str]] = []
        """The newest events by time, group, text and instance: at most MOST_REPEATED."""
        self._swept: dict[str, float] = {}
        self._last_sweep = float("-inf")
        self._listing_started: float | None = None
        self._platform_time = PlatformTime()
        self.contact = Contact()
        """What the last listing says of the way to SaladCloud."""
        self._events_failure: str | None = None
        self._events_failed = 0
        self.unlisted = UnlistedGroups(client, budget, view, observer, monotonic=monotonic)
        self._system_logs = SystemLogReader(client, budget, view, observer)

    async def run(self) -> None:
        """Poll until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat("listing", self.list_once))
            group.create_task(self._repeat("events", self._events_or_their_failure))
            group.create_task(self._ask_instances())
            group.create_task(self.unlisted.run())

    def snapshot(self) -> PollerSnapshot:
        """Return how well the cloud is seen. Costs nothing."""
        listing = self._client.newest_outcome(LISTING)
        return PollerSnapshot(
            groups=len(self._view.groups),
            listing_age_s=None if (at := self._view.listed_at) is None else self._monotonic() - at,
            listing_s=listing.seconds if listing else 0.0,
            listing_bytes=listing.size if listing else 0,
            pace_s=self._pace(),
            may_be_cut=self._view.cut,
            asked_by_name=len(self.unlisted),
            listing_failure=self.contact.failure,
            events_failure=self._events_failure,
            system_logs_instead=self._without_events,
        )

    def want_instance(self, name: str) -> None:
        """Ask for the group's instance soon: the listing and the events do not tell what it does."""
        self._wanted[name] = None
        if self._without_events:
            self._system_logs.want({name})

    def want_no_instance(self, name: str) -> None:
        """Take a wish back: the state of the group is known by now, and asking would cost a request for nothing."""
        self._wanted.pop(name, None)

    async def list_once(self) -> None:
        """Take one listing."""
        started = self._listing_started = self._monotonic()
        try:
            listing = await self._client.list_container_groups(request_class=RequestClass.OBSERVE)
        except SaladCloudError as error:
            self.contact = self.contact.failed(error, at=self._monotonic())
            raise
        was_cut = self._view.cut
        known = {group.name for group in self._view.groups}  # also what was read by name since the last listing
        self._view.apply_listing(listing, started_at=started)
        self.contact = Contact()
        if self._view.cut != was_cut:
            _tell_of_cut(len(listing.items), cut=self._view.cut)
        digests = {group.name: digest(group) for group in self._view.groups}
        changed = {name for name, digest in digests.items() if self._digests.get(name) != digest}
        changed |= (known | set(self._digests)) - set(digests)
        self._digests = dict(digests)
        self._swept = {name: at for name, at in self._swept.items() if name in digests}
        self._wanted = OrderedDict((name, None) for name in self._wanted if name in digests)
        self._observer.groups_changed(changed)
        self._system_logs.keep(digests)
        if self._without_events:
            self._system_logs.want(changed & self._ours(digests))

    async def read_events_once(self) -> None:
        """Read the project's events since the last time, with some overlap."""
        end = self._platform_time.latest(self._now())
        # Never past `end`, also where the clock was set back.
        start = min(self._resume or self._overlap_start(min(self.cursor, end)), end)
        changed: set[str] = set()
        try:
            for _ in range(MOST_PAGES):
                query = LogEntryQuery(
                    query=_events_query(self._project),
                    start_time=start,
                    end_time=max(end, start),
                    page_size=MAX_LOG_PAGE_SIZE,
                    sort_order=SortOrder.ASCENDING,
                )
                page = await self._client.query_log_entries(query, request_class=RequestClass.OBSERVE)
                found = [event for entry in page.items if (event := event_of(entry))]
                changed |= self._view.apply_events(found)
                self._remember(found)
                if len(page.items) < MAX_LOG_PAGE_SIZE:
                    self._resume = None
                    self.cursor = end
                    break
                newest = max(entry.time for entry in page.items)
                if newest <= start:
                    # A page full of one time stamp cannot be continued: the sweep corrects what is lost in it.
                    newest = start + timedelta(milliseconds=1)
                    log.warning("more events with one time stamp than a page holds; some may be missing")
                self._resume = start = newest
        except InvalidRequest:
            self._platform_time.refused()
            raise
        finally:  # what the earlier pages brought is known now, whatever became of the later ones
            self.unlisted.heard_of(changed)
            self._observer.groups_changed(changed)

    def _overlap_start(self, cursor: datetime) -> datetime:
        start = cursor - EVENTS_OVERLAP
        return max(start, self._newest[0][0]) if len(self._newest) == MOST_REPEATED else start

    def _remember(self, found: Iterable[tuple[str, PlatformEvent]]) -> None:
        told = {(event.time, group, event.text, event.instance_id) for group, event in found}
        self._newest = sorted(told.union(self._newest))[-MOST_REPEATED:]

    def running(self) -> list[str]:
        """Return the groups of ours that run, as last listed."""
        return [
            group.name
            for group in self._view.groups
            if (counts := group.current_state.instance_status_counts)
            and counts.running_count
            and self._observer.is_ours(group)
        ]

    def asked_at(self, name: str) -> float | None:
        """Return when the group's instances were asked for last; None where never."""
        return self._swept.get(name)

    async def ask_instance(self, name: str, request_class: RequestClass = RequestClass.OBSERVE) -> None:
        """Ask for the instances of one group."""
        self._swept[name] = self._monotonic()
        at = self._now()  # what happens while the answer is on its way is newer than the answer
        try:
            answer = await self._client.list_container_group_instances(name, request_class=request_class)
        except NotFound:
            return  # the next listing tells whether the group is gone
        self._view.apply_instances(name, answer.instances, at=at)
        self._observer.instance_seen(name, at)
        self._observer.groups_changed({name})

    @property
    def _without_events(self) -> bool:
        return self._events_failed >= EVENTS_GIVEN_UP_AFTER

    def _ours(self, names: Iterable[str]) -> set[str]:
        wanted = set(names)
        return {group.name for group in self._view.groups if group.name in wanted and self._observer.is_ours(group)}

    async def _events_or_their_failure(self) -> None:
        """Read events; while they fail for long, let the system logs of what is in transition be read instead."""
        try:
            await self.read_events_once()
        except Exception as error:
            self._events_failure, self._events_failed = words_of(error), self._events_failed + 1
            if self._events_failed == EVENTS_GIVEN_UP_AFTER:
                log.warning("events: log entries cannot be had; reading system logs of groups in transition instead")
                self._system_logs.want(self._ours(each.name for each in self._view.groups if is_on_its_way(each)))
            raise
        self._events_failure, self._events_failed = None, 0
        self._system_logs.forget()

    async def _repeat(self, what: str, once: Callable[[], Awaitable[None]]) -> None:
        failures = 0
        while True:
            started = self._monotonic()
            try:
                await once()
                if failures:
                    log.info(f"{what}: SaladCloud answers again", after_failures=failures)
                failures = 0
            except Exception as error:  # noqa: BLE001 - nothing that an answer holds may end the looking
                failures += 1
                log.warning(
                    f"{what}: no certain answer; what was known stays", error=words_of(error), failures=failures
                )
                wait = error.retry_after if isinstance(error, RateLimited) else None
                await asyncio.sleep(max(wait or 0.0, min(SLOWEST_POLL_S, POLL_EVERY_S * 2 ** min(failures - 1, 4))))
                continue
            other = self._listing_started if what == "events" else None
            await asyncio.sleep(pause_s(self._monotonic(), started=started, pace=self._pace(), other=other))

    def _pace(self) -> float:
        listing = self._client.newest_outcome(LISTING)
        return pace(
            Load(
                self._observer.in_transition(),
                spare=self._budget.available(RequestClass.OBSERVE),
                limit=self._budget.snapshot().limit,
                listing_s=listing.seconds if listing else 0.0,
            )
        )

    async def _ask_instances(self) -> None:
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            name = self._next_instance()
            try:
                if name is not None:
                    await self.ask_instance(name)
                await self._system_logs.read_next()
            except Exception as error:  # noqa: BLE001 - as above
                log.info("instance: no certain answer; what was known stays", group=name, error=words_of(error))

    def _next_instance(self) -> str | None:
        """Return the group to ask for now: the one due in the sweep, else a wanted one while the budget has room."""
        clock = self._monotonic()
        if clock - self._last_sweep >= SWEEP_EVERY_S and (running := self.running()):
            self._last_sweep = clock
            return min(running, key=lambda name: self._swept.get(name, float("-inf")))
        if self._wanted and self._budget.available(RequestClass.OBSERVE) >= SPARE_FOR_ASKING:
            name, _ = self._wanted.popitem(last=False)
            return name
        return None


def _tell_of_cut(groups: int, *, cut: bool) -> None:
    if cut:
        log.warning(
            "listing: it has as many groups as one answer holds, so it may lack some; those of pods of this node are "
            "asked for by name, in turn, and what they do is told later than usual",
            groups=groups,
        )
    else:
        log.info("listing: complete again", groups=groups)


def _events_query(project: str) -> str:
    return (
        '(resource.type = "instance_controller" or resource.type = "deployment_controller")'
        f' and resource.labels.project_name = "{project}"'
    )
