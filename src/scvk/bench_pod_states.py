"""How soon pods show what happens to their groups: a watch of the API server, held against the platform's events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from lightkube.resources.core_v1 import Pod

from scvk.kubelet.cluster import Cluster


@dataclass(frozen=True, slots=True)
class State:
    """What a pod's status said from a moment on."""

    at: datetime
    ready: bool
    finished: bool


class PodStates:
    """When each pod was seen in which state, by name."""

    def __init__(self, cluster: Cluster, node: str) -> None:
        self._cluster = cluster
        self._selector = f"spec.nodeName={node}"
        self.seen: dict[str, list[State]] = {}

    async def watch(self) -> None:
        """Watch until cancelled."""
        version = (await self._cluster.list(Pod, field_selector=self._selector)).resource_version
        while True:
            async for event in self._cluster.watch(
                Pod, field_selector=self._selector, resource_version=version, server_timeout_s=600
            ):
                version = event.resource_version
                if event.object is not None:
                    self._note(event.object)

    def _note(self, pod: Pod) -> None:
        assert pod.metadata is not None
        conditions = (pod.status.conditions if pod.status else None) or []
        ready = any(each.type == "Ready" and each.status == "True" for each in conditions)
        finished = pod.status is not None and pod.status.phase in ("Succeeded", "Failed")
        self.seen.setdefault(pod.metadata.name or "", []).append(State(datetime.now(UTC), ready, finished))

    def ready(self) -> int:
        """Return how many pods are Ready now."""
        return sum(states[-1].ready for states in self.seen.values())

    def delay_s(self, name: str, at: datetime, shows: Callable[[State], bool]) -> float | None:
        """Return how long after `at` the pod was first in a state that shows a change; None: it was so before."""
        states = self.seen.get(name, [])
        before = [state for state in states if state.at < at]
        if before and shows(before[-1]):
            return None
        return next(((state.at - at).total_seconds() for state in states if state.at >= at and shows(state)), None)


SHOWN_BY: Mapping[str, Callable[[State], bool]] = {
    "Instance Exited": lambda state: state.finished,
    "Instance Not Ready": lambda state: not state.ready,
    "Instance Interrupted": lambda state: not state.ready,
    "Instance Ready": lambda state: state.ready,
    "Instance Running": lambda state: state.ready,
}
"""How a pod shows an event of its group, by the event's first words."""


def delays_s(states: PodStates, events: Iterable[tuple[datetime, str, str]]) -> tuple[float, ...]:
    """Return how long each event (time, pod, words) took to show on its pod; those that could not be seen left out."""
    found = []
    for at, name, text in events:
        shows = next((shows for words, shows in SHOWN_BY.items() if text.startswith(words)), None)
        if shows is not None and (delay := states.delay_s(name, at, shows)) is not None:
            found.append(delay)
    return tuple(found)
