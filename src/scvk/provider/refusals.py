"""Create requests that SaladCloud refused: which may be sent again, and when.

What is wrong with the request itself cannot heal by itself: the very same request is not sent again. What can pass (a
quota, a bill) is tried again, but at a constant price: each pod gets an answer of its own once, and after that one of
all those that wait tries every PROBE_EVERY_S, in turn. Each that comes through calls MORE_AFTER_SUCCESS others at once.

Only a memory: where it is lost, with a restart, each request is sent once more.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from scvk.kubelet.provider import PodKey
from scvk.saladcloud.models import ContainerGroupPrototype

PROBE_EVERY_S = 10.0
MORE_AFTER_SUCCESS = 2
"""One would fill a quota as slowly as requests take; all at once would be refused again, but for one."""
FINAL_AGAIN_S = 30.0
"""How soon a pod with a wrong request is looked at again: a Secret that it refers to may have changed."""
PASSING_AGAIN_S = 300.0
"""How soon a pod looks again that is not called."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a pod is told while its request is not sent, in one word and the platform's text; and when to look again."""

    reason: str
    message: str
    again_in: float = PASSING_AGAIN_S


@dataclass(frozen=True, slots=True)
class _Passing:
    key: PodKey
    digest: str
    refusal: Refusal
    due: float


class Refusals:
    """By UID of the pod. `invite` is called with the key of a pod whose turn it is."""

    def __init__(self, invite: Callable[[PodKey], None], *, monotonic: Callable[[], float]) -> None:
        self._invite = invite
        self._monotonic = monotonic
        self._final: dict[str, tuple[str, Refusal]] = {}
        self._passing: OrderedDict[str, _Passing] = OrderedDict()
        """Who waits for something to pass, the one that was refused longest ago first."""
        self._called: set[str] = set()
        """Who waited and was called after another one's success."""
        self._probe_at = float("-inf")

    def __len__(self) -> int:
        """Return for how many pods a refusal is remembered."""
        return len(self._final) + len(self._passing) + len(self._called)

    @property
    def final(self) -> frozenset[str]:
        """Return the UIDs of the pods whose request is wrong."""
        return frozenset(self._final)

    def standing(self, uid: str, request: ContainerGroupPrototype) -> Refusal | None:
        """Return the refusal that keeps this request from being sent now; None where it may be sent, by this pod."""
        final = self._final.get(uid)
        if final is not None:
            return final[1] if final[0] == _digest(request) else None
        passing = self._passing.get(uid)
        if passing is None or passing.digest != _digest(request):
            return None
        now = self._monotonic()
        if now < max(passing.due, self._probe_at):
            return passing.refusal
        self._probe_at = now + PROBE_EVERY_S
        return None

    def note_final(self, uid: str, request: ContainerGroupPrototype, reason: str, message: str) -> Refusal:
        """Remember that the request is wrong; return what to tell."""
        self.forget(uid)
        refusal = Refusal(reason, message, FINAL_AGAIN_S)
        self._final[uid] = (_digest(request), refusal)
        return refusal

    def note_passing(
        self, key: PodKey, uid: str, request: ContainerGroupPrototype, reason: str, message: str, *, pause_s: float
    ) -> Refusal:
        """Remember a refusal that can pass; the pod itself tries again after `pause_s` at the earliest."""
        self.forget(uid)
        now = self._monotonic()
        refusal = Refusal(reason, message)
        self._passing[uid] = _Passing(key, _digest(request), refusal, now + pause_s)
        self._probe_at = max(self._probe_at, now + PROBE_EVERY_S)
        return refusal

    def note_created(self, uid: str) -> None:
        """Forget the pod's refusals; if it waited for something that has passed, call some others that wait."""
        waited = uid in self._passing or uid in self._called
        self.forget(uid)
        for _ in range(min(MORE_AFTER_SUCCESS, len(self._passing)) if waited else 0):
            called, passing = self._passing.popitem(last=False)
            self._called.add(called)
            self._invite(passing.key)

    def forget(self, uid: str) -> None:
        """Forget a pod."""
        self._final.pop(uid, None)
        self._passing.pop(uid, None)
        self._called.discard(uid)

    async def run(self) -> None:
        """Call one of those that wait every PROBE_EVERY_S, until cancelled."""
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            self.call_next()

    def call_next(self) -> None:
        """Call the one that waits longest and may try again; it goes to the end, as it may never come."""
        now = self._monotonic()
        for uid, passing in self._passing.items():
            if passing.due <= now:
                self._passing.move_to_end(uid)
                self._invite(passing.key)
                return


def _digest(request: ContainerGroupPrototype) -> str:
    return hashlib.sha256(msgspec.json.encode(request)).hexdigest()
