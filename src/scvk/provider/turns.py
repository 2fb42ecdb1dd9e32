"""Turns: who may send a request that changes something, and who waits for room in the request budget.

A step for a pod never waits in the budget itself. It would hold one of the kubelet's workers: with some hundred pods to
create all of them would be held for minutes, no status would be written meanwhile, and a pod that is deleted while it
waits would be created first. So a step asks for a turn; without one it ends, and the pod's key is queued again when
there is room, first come, first served.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scvk.kubelet.provider import PodIdentity, PodKey
from scvk.saladcloud.budget import RequestBudget, RequestClass

LOOK_EVERY_S = 0.5
WAITING_AGAIN_S = 60.0
"""How soon a step that waits for a turn is done again if no invitation comes."""
NO_ROOM = "waiting for a turn: as many requests as SaladCloud takes in a minute were sent for other pods"
INVITATION_LASTS_S = 30.0
"""How long room is kept for a pod that was called: it may be gone, and never come."""


class Turns:
    """The turns of one class of requests. `invite` is called with the key of each pod that should ask again now.

    Room is left for those who wait for the turns called `first`.
    """

    def __init__(
        self,
        budget: RequestBudget,
        request_class: RequestClass,
        invite: Callable[[PodKey], None],
        *,
        monotonic: Callable[[], float],
        first: Turns | None = None,
    ) -> None:
        self._budget = budget
        self._class = request_class
        self._invite = invite
        self._monotonic = monotonic
        self._first = first
        self._waiting: OrderedDict[PodIdentity, None] = OrderedDict()
        self._invited: dict[PodIdentity, float] = {}
        self._taken = 0
        self._asked_in_vain = asyncio.Event()

    def __len__(self) -> int:
        """Return how many pods wait for a turn."""
        return len(self._waiting) + len(self._invited)

    def waits(self, pod: PodIdentity) -> bool:
        """Say whether the pod waits for a turn, and was not called."""
        return pod in self._waiting

    @contextmanager
    def turn(self, pod: PodIdentity) -> Iterator[bool]:
        """Give the block a turn for one request, or False: then the pod waits, and is invited later."""
        invited = self._invited.pop(pod, None) is not None
        room = self._room()
        if room <= 0 or not (invited or room > len(self)):
            self._waiting[pod] = None
            self._asked_in_vain.set()
            if invited:
                self._waiting.move_to_end(pod, last=False)
            yield False
            return
        self._waiting.pop(pod, None)
        self._taken += 1
        try:
            yield True
        finally:
            self._taken -= 1

    def forget(self, pod: PodIdentity) -> None:
        """Let the pod wait no longer: it needs no such request any more."""
        self._waiting.pop(pod, None)
        self._invited.pop(pod, None)

    def _room(self) -> int:
        before = len(self._first) if self._first is not None else 0
        return self._budget.available(self._class) - self._taken - before

    async def run(self) -> None:
        """Invite those who wait, as room comes, until cancelled."""
        while True:
            await self._asked_in_vain.wait()
            await asyncio.sleep(LOOK_EVERY_S)
            self.invite_next()
            if not len(self):
                self._asked_in_vain.clear()

    def invite_next(self) -> None:
        """Invite as many as there is room for now."""
        now = self._monotonic()
        self._invited = {pod: at for pod, at in self._invited.items() if now - at < INVITATION_LASTS_S}
        room = self._room() - len(self._invited)
        for _ in range(min(room, len(self._waiting))):
            pod, _ = self._waiting.popitem(last=False)
            self._invited[pod] = now
            self._invite(pod.key)
