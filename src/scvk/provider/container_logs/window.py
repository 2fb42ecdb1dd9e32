"""Which lines belong to the run that is asked for: pure, from the pod's own status, which outlives every restart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from lightkube.models.core_v1 import ContainerStateTerminated, ContainerStatus
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.capabilities import NotPossible
from scvk.provider.record import record_of
from scvk.provider.translate.run_plan import NOT_RUN

EARLY = timedelta(seconds=1)
"""A program may have written before the platform says that it runs; and statuses know whole seconds only."""
LATE = timedelta(seconds=5)
"""What a program wrote at its end may have a later time stamp than the end."""


@dataclass(frozen=True, slots=True)
class Window:
    """From when, and to when: None while it runs."""

    begin: datetime
    end: datetime | None = None


def window(pod: Pod, container: str, *, previous: bool) -> Window:
    """Return the window of the container's present run, or of the one before; raises NotPossible in words."""
    name = (pod.metadata.name if pod.metadata else None) or ""
    status = _status(pod, container)
    _refuse_others(pod, container, status)
    state, last = (status.state if status else None), (status.lastState if status else None)
    before = last.terminated if last else None
    created = pod.metadata.creationTimestamp if pod.metadata else None
    assert created is not None, "pods of the API have a time"
    if previous:
        if before is None:
            raise NotPossible(f'previous terminated container "{container}" in pod "{name}" not found')
        return _ended(before, created)
    if state and state.running:
        begin = (state.running.startedAt or created) - EARLY
        return Window(max(begin, before.finishedAt) if before and before.finishedAt else begin)
    if state and state.terminated:
        ended = _ended(state.terminated, created)
        return Window(max(ended.begin, before.finishedAt), ended.end) if before and before.finishedAt else ended
    if before is not None:
        return _ended(before, created)
    waiting = state.waiting if state else None
    reason = (waiting.reason if waiting else None) or "ContainerCreating"
    why = f": {waiting.message}" if waiting and waiting.message else ""
    raise NotPossible(f'container "{container}" in pod "{name}" is waiting to start: {reason}{why}')


def _ended(terminated: ContainerStateTerminated, created: datetime) -> Window:
    begin = (terminated.startedAt or created) - EARLY
    return Window(begin, terminated.finishedAt + LATE if terminated.finishedAt else None)


def _status(pod: Pod, container: str) -> ContainerStatus | None:
    status = pod.status
    if status is None:
        return None
    found = (*(status.containerStatuses or ()), *(status.initContainerStatuses or ()))
    return next((one for one in found if one.name == container), None)


def _refuse_others(pod: Pod, container: str, status: ContainerStatus | None) -> None:
    """Raise NotPossible for a container that has no log of its own."""
    record = record_of((pod.metadata.annotations if pod.metadata else None) or {})
    main, *init = record.runs if record is not None and record.runs else ("",)
    if container in init:
        raise NotPossible(f'container "{container}" runs inside "{main}" before it starts: its lines are in that log')
    terminated = status.state.terminated if status and status.state else None
    if (main and container != main) or (terminated and terminated.reason == NOT_RUN):
        shown = f' "{main}" is the one that runs.' if main else ""
        raise NotPossible(f'container "{container}" is not run on SaladCloud.{shown}')
