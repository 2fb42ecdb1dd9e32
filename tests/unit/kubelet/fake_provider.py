"""A provider in memory: it says what a test wants to hear, and keeps account of what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lightkube.resources.core_v1 import Pod

from scvk.kubelet.informer import key_of, uid_of
from scvk.kubelet.inputs import InputNeeds, InputSource, PodInputs
from scvk.kubelet.provider import (
    Holding,
    NodeFacts,
    Observation,
    PodIdentity,
    PodKey,
    Provider,
    Removal,
)

NOTHING_NEW = Observation(None)
GONE = Removal(certain=True)
NOT_YET = Removal(certain=False, again_in=2.0)


@dataclass
class FakeProvider:
    """By default nothing is known of any pod, and nothing is surely gone: the weakest promise.

    It asks for inputs where `needs` says which, as a provider does that is about to make something.
    """

    observe: Callable[[Pod], Observation] = lambda _: NOTHING_NEW
    removal: Callable[[PodIdentity], Removal] = lambda _: NOT_YET
    takes_s: Callable[[Pod], float] = lambda _: 0.0
    """How long a sync of the pod takes."""
    removing_takes_s: float = 0.0
    held: tuple[Holding, ...] | None = None
    synced: list[Pod] = field(default_factory=list)
    removed: list[tuple[str, str]] = field(default_factory=list)
    """UID and recorded annotation `group` of each removal that was asked for."""
    needs: InputNeeds | None = None
    inputs: list[PodInputs] = field(default_factory=list)
    moved: asyncio.Queue[PodKey] = field(default_factory=asyncio.Queue)
    memory: dict[str, str] = field(default_factory=dict)
    recalled: list[Mapping[str, str]] = field(default_factory=list)
    bound: list[set[str] | None] = field(default_factory=list)
    """UIDs of the bound pods of each time that the facts were asked for."""

    async def sync(self, pod: Pod, inputs: InputSource) -> Observation:
        self.synced.append(pod)
        if self.needs is not None:
            self.inputs.append(await inputs.inputs(pod, self.needs))
        if (seconds := self.takes_s(pod)) > 0:
            await asyncio.sleep(seconds)
        return self.observe(pod)

    async def remove(self, pod: PodIdentity, annotations: Mapping[str, str]) -> Removal:
        self.removed.append((pod.uid, annotations.get("group", "")))
        if self.removing_takes_s > 0:
            await asyncio.sleep(self.removing_takes_s)
        return self.removal(pod)

    def holdings(self) -> tuple[Holding, ...] | None:
        return self.held

    async def changes(self) -> AsyncIterator[PodKey]:
        while True:
            yield await self.moved.get()

    def node_facts(self, bound: Sequence[Pod] | None = None) -> NodeFacts:
        self.bound.append(None if bound is None else {uid_of(pod) for pod in bound})
        return NodeFacts({"pods": "10", "cpu": "4"}, annotations=self.memory)

    def recall(self, annotations: Mapping[str, str]) -> None:
        self.recalled.append(annotations)

    def synced_uids(self) -> list[str]:
        return [uid_of(pod) for pod in self.synced]

    def synced_names(self) -> list[str]:
        return [key_of(pod).name for pod in self.synced]


_: type[Provider] = FakeProvider
