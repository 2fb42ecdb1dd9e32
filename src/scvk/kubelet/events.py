"""Kubernetes Events from component `kubelet`: written at most once for one message, never in the way of the work.

Events are for people. A lost one is a pity, a flood of them a fault: the same message for the same object is not
repeated within REPEAT_AFTER_S, and each object has a small allowance that refills slowly (as in client-go).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import structlog
from lightkube.resources.core_v1 import Event, Pod

from scvk.kubelet.cluster import Cluster
from scvk.kubelet.informer import key_of, uid_of
from scvk.kubelet.provider import PodEvent

REPEAT_AFTER_S = 600.0
ALLOWANCE = 25
REFILL_EVERY_S = 60.0
REMEMBERED = 10_000
"""Messages kept for deduplication; the oldest are forgotten first."""
WAITING_LIMIT = 1_000
MESSAGE_LIMIT = 1024
"""The API server's own limit for an Event's message."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Subject:
    """The object that an event is about."""

    kind: str
    name: str
    uid: str
    namespace: str = ""
    field_path: str | None = None


def pod_subject(pod: Pod) -> Subject:
    """Return the pod, by its first container, as what an event is about."""
    key = key_of(pod)
    container = pod.spec.containers[0].name if pod.spec and pod.spec.containers else None
    path = f"spec.containers{{{container}}}" if container else None
    return Subject("Pod", key.name, uid_of(pod), key.namespace, path)


class EventRecorder:
    """Takes events without waiting and writes them one after another in `run`."""

    def __init__(self, cluster: Cluster, *, host: str, now: Callable[[], datetime]) -> None:
        self._cluster = cluster
        self._host = host
        self._now = now
        self._seen: OrderedDict[tuple[Subject, str, str], float] = OrderedDict()
        self._allowance: OrderedDict[Subject, tuple[float, float]] = OrderedDict()
        self._waiting: asyncio.Queue[tuple[Subject, PodEvent]] = asyncio.Queue(WAITING_LIMIT)

    def record(self, subject: Subject, event: PodEvent) -> None:
        """Write `event` soon, unless it was said lately or the object's allowance is used up."""
        clock = asyncio.get_running_loop().time()
        message = (subject, event.reason, event.message)
        said = self._seen.get(message)
        if (said is not None and clock - said < REPEAT_AFTER_S) or not self._allowed(subject, clock):
            return
        try:
            self._waiting.put_nowait((subject, event))
        except asyncio.QueueFull:
            log.warning("an event was dropped: too many wait", subject=subject.name, reason=event.reason)
            return
        self._seen[message] = clock
        self._seen.move_to_end(message)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)

    async def run(self) -> None:
        """Write what was recorded, until cancelled."""
        while True:
            subject, event = await self._waiting.get()
            await self._write(subject, event)

    async def drain(self) -> None:
        """Write what still waits; used once at the end."""
        while not self._waiting.empty():
            await self._write(*self._waiting.get_nowait())

    def _allowed(self, subject: Subject, clock: float) -> bool:
        left, since = self._allowance.get(subject, (float(ALLOWANCE), clock))
        left = min(float(ALLOWANCE), left + (clock - since) / REFILL_EVERY_S)
        allowed = left >= 1
        self._allowance[subject] = (left - 1 if allowed else left, clock)
        self._allowance.move_to_end(subject)
        while len(self._allowance) > REMEMBERED:
            self._allowance.popitem(last=False)
        return allowed

    async def _write(self, subject: Subject, event: PodEvent) -> None:
        namespace = subject.namespace or "default"
        try:
            await self._cluster.create(Event, self._body(subject, event, namespace), namespace=namespace)
        except Exception as error:  # noqa: BLE001 - an event is a courtesy; nothing may end with it
            text = f"{type(error).__name__}: {error}"
            log.warning("an event could not be written", subject=subject.name, reason=event.reason, error=text)

    def _body(self, subject: Subject, event: PodEvent, namespace: str) -> dict[str, Any]:
        now = self._now()
        stamp = msgspec.to_builtins(now.replace(microsecond=0))
        involved = {
            "apiVersion": "v1",
            "kind": subject.kind,
            "name": subject.name,
            "uid": subject.uid,
            "namespace": subject.namespace or None,
            "fieldPath": subject.field_path,
        }
        return {
            # The name that client-go gives: object's name and the time in nanoseconds as hexadecimal.
            "metadata": {
                "name": f"{subject.name[:230].rstrip('-.')}.{int(now.timestamp() * 1_000_000) * 1000:x}",
                "namespace": namespace,
            },
            "involvedObject": {key: value for key, value in involved.items() if value is not None},
            "reason": event.reason,
            "message": event.message[:MESSAGE_LIMIT],
            "type": "Warning" if event.warning else "Normal",
            "source": {"component": "kubelet", "host": self._host},
            "reportingComponent": "kubelet",
            "reportingInstance": self._host,
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
        }
