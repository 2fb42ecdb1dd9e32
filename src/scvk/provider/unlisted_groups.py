"""The groups that a listing may have cut off, asked for by name: in turn, and only out of what the budget has left.

A listing of 100 groups may lack some. What it lacks is unknown, and a request for each such group a minute would take
the budget from those that are to be made and deleted. So they are asked for one after the other, once a second while
much of the budget is free, else every ten seconds; those of which nothing is known yet, or of which an event was heard,
before the others. What was learnt stays in the view until it is asked for again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable

import structlog

from scvk.provider.cloud_observer import CloudObserver
from scvk.provider.cloud_view import CloudView
from scvk.provider.contact import words_of
from scvk.saladcloud.budget import RequestBudget, RequestClass
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.errors import NotFound

ASK_EVERY_S = 1.0
ASK_SLOWLY_S = 10.0
"""Six requests a minute, which observing can always spare."""
SPARE_REQUESTS = 60
"""Requests that must be free for more: creating and deleting go first."""
ASK_AGAIN_S = 5.0
"""How soon the same group is asked for again, whatever is heard of it."""

log = structlog.get_logger(__name__)


class UnlistedGroups:
    """Constructing it has no effect. `want` may be said again at any time."""

    def __init__(
        self,
        client: SaladCloudClient,
        budget: RequestBudget,
        view: CloudView,
        observer: CloudObserver,
        *,
        monotonic: Callable[[], float],
    ) -> None:
        self._client = client
        self._budget = budget
        self._view = view
        self._observer = observer
        self._monotonic = monotonic
        self._turns: OrderedDict[str, None] = OrderedDict()
        """All names, the one that was asked for longest ago first."""
        self._soon: OrderedDict[str, None] = OrderedDict()
        self._asked: dict[str, float] = {}
        self._last = float("-inf")

    def __len__(self) -> int:
        """Return how many groups are asked for by name."""
        return len(self._turns)

    def take_turn(self) -> bool:
        """Return whether one request may be sent at once, which then counts as the newest."""
        clock = self._monotonic()
        if not self._room(clock):
            return False
        self._last = clock
        return True

    def _room(self, clock: float) -> bool:
        free = self._budget.available(RequestClass.OBSERVE)
        return free >= SPARE_REQUESTS or (free > 0 and clock - self._last >= ASK_SLOWLY_S)

    def want(self, name: str, *, soon: bool = False) -> None:
        """Ask for the group in its turn, from now on; `soon`: before those that are known."""
        self._turns.setdefault(name, None)
        if soon:
            self._soon[name] = None

    def want_no_longer(self, name: str) -> None:
        """Ask for the group no more: its pod is gone."""
        self._turns.pop(name, None)
        self._soon.pop(name, None)
        self._asked.pop(name, None)

    def heard_of(self, names: Iterable[str]) -> None:
        """Ask soon for those of the groups of which something was just heard."""
        for name in names:
            if name in self._turns:
                self._soon[name] = None

    def next(self) -> str | None:
        """Return the name to ask for now; None where it is too early for any."""
        clock = self._monotonic()
        if not self._turns or not self._room(clock):
            return None
        for name in (*self._soon, next(iter(self._turns))):
            if clock - self._asked.get(name, float("-inf")) >= ASK_AGAIN_S:
                return name
        return None

    async def ask(self, name: str) -> None:
        """Ask for one group. Costs one request."""
        self._last = self._asked[name] = self._monotonic()
        self._soon.pop(name, None)
        if name in self._turns:
            self._turns.move_to_end(name)
        try:
            group = await self._client.get_container_group(name, request_class=RequestClass.OBSERVE)
        except NotFound:
            self._view.apply_missing(name, at=self._monotonic())
        else:
            self._view.apply_group(group, at=self._monotonic())
        self._observer.groups_changed({name})

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            if not self._view.cut or len(self._turns) == 0:
                self._forget()
                continue
            for name in self._view.listed_of(self._turns):
                self.want_no_longer(name)
            turn = self.next()
            if turn is None:
                continue
            try:
                await self.ask(turn)
            except Exception as error:  # noqa: BLE001 - as in the poller: one odd answer must not end the agent
                log.info("unlisted group: no certain answer; what was known stays", group=turn, error=words_of(error))

    def _forget(self) -> None:
        self._turns.clear()
        self._soon.clear()
        self._asked.clear()
