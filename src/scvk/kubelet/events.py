"""Kubernetes Events from component `kubelet`: one for one message, counted when it is said again, never in the way.

Events are for people. A lost one is a pity, a flood of them a fault: one that the API server did not take for want of
time or reach is written again, for some minutes. As client-go has it, the same message about the
same object is one Event whose count and last time grow, and each object has a small allowance that refills slowly.
An Event's name follows from what it says, so that a restarted agent finds the one that stands there: what happened at
a time that the Event covers already is not counted twice.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
import structlog
from lightkube.resources.core_v1 import Event, Pod

from scvk.kubelet.backoff import Backoff
from scvk.kubelet.cluster import Cluster
from scvk.kubelet.cluster_errors import ClusterUnreachable, ObjectConflict, ObjectNotFound
from scvk.kubelet.informer import key_of, uid_of
from scvk.kubelet.provider import PodEvent

REPEAT_AFTER_S = 600.0
ALLOWANCE = 25
REFILL_EVERY_S = 60.0
REMEMBERED = 10_000
"""Messages kept for counting; the oldest are forgotten first."""
WAITING_LIMIT = 1_000
TRIES = 12
"""Of writing one event, as many as client-go's: with their pauses about three minutes."""
_PAUSES = Backoff(jitter=0.0)  # one writer: nobody comes back together with it
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


def node_subject(name: str) -> Subject:
    """Return the node as what an event is about; kubelets have its name for its UID, and `describe` looks for that."""
    return Subject("Node", name, name)


@dataclass(frozen=True, slots=True)
class _Told:
    """What is known of one message: when it was last taken, and of which time; what stands in its Event, if known."""

    clock: float
    at: datetime | None
    count: int | None = None
    last: datetime | None = None


_Message = tuple[Subject, str, str]


class EventRecorder:
    """Takes events without waiting and writes them one after another in `run`."""

    def __init__(self, cluster: Cluster, *, host: str, now: Callable[[], datetime]) -> None:
        self._cluster = cluster
        self._host = host
        self._now = now
        self._told: OrderedDict[_Message, _Told] = OrderedDict()
        self._allowance: OrderedDict[Subject, tuple[float, float]] = OrderedDict()
        self._waiting: asyncio.Queue[tuple[Subject, PodEvent]] = asyncio.Queue(WAITING_LIMIT)

    def record(self, subject: Subject, event: PodEvent) -> None:
        """Write `event` soon, unless it was said already or the object's allowance is used up."""
        clock = asyncio.get_running_loop().time()
        message = (subject, event.reason, event.message)
        told = self._told.get(message)
        if told is not None and (_covers(told.at, event.at) if event.at else clock - told.clock < REPEAT_AFTER_S):
            return
        if not self._allowed(subject, clock):
            log.debug("an event was left out: its object has too many", subject=subject.name, reason=event.reason)
            return
        try:
            self._waiting.put_nowait((subject, event))
        except asyncio.QueueFull:
            log.warning("an event was dropped: too many wait", subject=subject.name, reason=event.reason)
            return
        self._remember(message, replace(told, clock=clock, at=event.at) if told else _Told(clock, event.at))

    async def run(self) -> None:
        """Write what was recorded, until cancelled."""
        while True:
            subject, event = await self._waiting.get()
            for tries in range(1, TRIES + 1):
                error = await self._write(subject, event)
                if error is None:
                    break
                if not isinstance(error, ClusterUnreachable) or tries == TRIES:
                    _log_as_lost(subject, event, error)
                    break
                await asyncio.sleep(_PAUSES.delay(tries, lambda: 0.0))

    async def drain(self) -> None:
        """Write what still waits; used once at the end."""
        while not self._waiting.empty():
            subject, event = self._waiting.get_nowait()
            error = await self._write(subject, event)
            if error is not None:
                _log_as_lost(subject, event, error)

    def _remember(self, message: _Message, told: _Told) -> None:
        self._told[message] = told
        self._told.move_to_end(message)
        while len(self._told) > REMEMBERED:
            self._told.popitem(last=False)

    def _allowed(self, subject: Subject, clock: float) -> bool:
        left, since = self._allowance.get(subject, (float(ALLOWANCE), clock))
        left = min(float(ALLOWANCE), left + (clock - since) / REFILL_EVERY_S)
        allowed = left >= 1
        self._allowance[subject] = (left - 1 if allowed else left, clock)
        self._allowance.move_to_end(subject)
        while len(self._allowance) > REMEMBERED:
            self._allowance.popitem(last=False)
        return allowed

    async def _write(self, subject: Subject, event: PodEvent) -> Exception | None:
        """Write it; return why that failed, or None."""
        message = (subject, event.reason, event.message)
        try:
            count, last = await self._create_or_count(subject, event, self._told.get(message))
        except Exception as error:  # noqa: BLE001 - an event is a courtesy; nothing may end with it
            return error
        told = self._told.get(message)
        if told is not None:
            self._told[message] = replace(told, count=count, last=last)
        return None

    async def _create_or_count(self, subject: Subject, event: PodEvent, told: _Told | None) -> tuple[int, datetime]:
        """Write the Event, or one more of it; return how often it stands there now, and the last time."""
        name, namespace = event_name(subject, event), subject.namespace or "default"
        at = event.at or self._now()
        body = self._body(subject, event, name, namespace, at)
        count, last = (told.count, told.last) if told else (None, None)
        if count is None:
            try:
                await self._cluster.create(Event, body, namespace=namespace)
            except ObjectConflict:
                # Said by an earlier agent: an empty patch is how one reads with the right to patch alone.
                found = await self._cluster.patch(Event, name, {}, namespace=namespace)
                count, last = found.count or 1, found.lastTimestamp
                if event.at is None and last is not None and (at - last).total_seconds() < REPEAT_AFTER_S:
                    return count, last
            else:
                return 1, at
        if last is not None and event.at is not None and _covers(last, event.at):
            return count, last
        try:
            grown = {"count": count + 1, "lastTimestamp": _stamp(at)}
            await self._cluster.patch(Event, name, grown, namespace=namespace)
        except ObjectNotFound:  # the API server keeps Events for an hour
            await self._cluster.create(Event, body, namespace=namespace)
            return 1, at
        return count + 1, at

    def _body(self, subject: Subject, event: PodEvent, name: str, namespace: str, at: datetime) -> dict[str, Any]:
        involved = {
            "apiVersion": "v1",
            "kind": subject.kind,
            "name": subject.name,
            "uid": subject.uid,
            "namespace": subject.namespace or None,
            "fieldPath": subject.field_path,
        }
        return {
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {key: value for key, value in involved.items() if value is not None},
            "reason": event.reason,
            "message": event.message[:MESSAGE_LIMIT],
            "type": "Warning" if event.warning else "Normal",
            "source": {"component": "kubelet", "host": self._host},
            "reportingComponent": "kubelet",
            "reportingInstance": self._host,
            "firstTimestamp": _stamp(at),
            "lastTimestamp": _stamp(at),
            "count": 1,
        }


def _log_as_lost(subject: Subject, event: PodEvent, error: Exception) -> None:
    text = f"{type(error).__name__}: {error}"
    log.warning("an event could not be written", subject=subject.name, reason=event.reason, error=text)


def event_name(subject: Subject, event: PodEvent) -> str:
    """Return the name of the Event: the object's, and 16 hexadecimal digits over what is said of it."""
    said = "\0".join((subject.kind, subject.uid, event.reason, event.message, str(event.warning)))
    return f"{subject.name[:230].rstrip('-.')}.{hashlib.sha256(said.encode()).hexdigest()[:16]}"


def _covers(last: datetime | None, at: datetime) -> bool:
    """Say whether what happened at `at` is told of: Events know whole seconds only."""
    return last is not None and at.replace(microsecond=0) <= last


def _stamp(moment: datetime) -> str:
    stamp: str = msgspec.to_builtins(moment.replace(microsecond=0))
    return stamp
