"""Events for people, from the status a pod had to the one it gets: said when something moves, not while it stays.

Because the former status stands in Kubernetes, a restart of the agent says nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lightkube.models.core_v1 import ContainerStatus, PodStatus
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.events import MESSAGE_LIMIT
from scvk.kubelet.provider import PodEvent
from scvk.provider.pod_status import container_status
from scvk.provider.translate import Finding, Outcome
from scvk.provider.translate.listing import listed

_QUIET_REASONS = frozenset({"ContainerCreating", "PodInitializing"})
_BACK_OFF_REASONS = frozenset({"CrashLoopBackOff"})


def events_between(pod: Pod, status: PodStatus) -> tuple[PodEvent, ...]:
    """Return what is worth telling about the way from the pod's present status to `status`."""
    before = container_status(pod)
    after = next(iter(status.containerStatuses or []), None)
    if after is None or after.state is None:
        return ()
    events: list[PodEvent] = []
    if after.state.running and _runs_anew(before, after):
        events.append(PodEvent("Started", f"Started container {after.name}"))
    waiting = after.state.waiting
    if waiting and waiting.reason not in _QUIET_REASONS and not _waits_alike(before, after):
        reason = waiting.reason or "Waiting"
        name = "BackOff" if reason in _BACK_OFF_REASONS else reason
        events.append(PodEvent(name, waiting.message or reason, warning=True))
    ended = after.state.terminated
    if ended and not (before and before.state and before.state.terminated):
        text = f"Container {after.name} ended: {ended.reason} (exit code {ended.exitCode})"
        events.append(PodEvent("Completed" if ended.exitCode == 0 else "Failed", text, warning=ended.exitCode != 0))
    if before is not None and before.ready and not after.ready and after.state.running:
        events.append(PodEvent("Unhealthy", "The readiness probe fails", warning=True))
    return tuple(events)


def degradations(findings: Iterable[Finding]) -> tuple[PodEvent, ...]:
    """Return what to tell of a pod whose translation loses something: one event that names every field."""
    lossy = [finding for finding in findings if finding.outcome is Outcome.DEGRADED]
    return (PodEvent("SaladCloudDegraded", listed(lossy, limit=MESSAGE_LIMIT), warning=True),) if lossy else ()


def left_out(names: Sequence[str]) -> tuple[PodEvent, ...]:
    """Return what to tell of containers that are not run, by name: once, when the pod is taken on."""
    if not names:
        return ()
    return (PodEvent("ContainersNotRun", f"Not run, and not counted for Ready: {', '.join(names)}"),)


def _runs_anew(before: ContainerStatus | None, after: ContainerStatus) -> bool:
    was = before.state.running if before and before.state else None
    return was is None or (before is not None and before.restartCount < after.restartCount)


def _waits_alike(before: ContainerStatus | None, after: ContainerStatus) -> bool:
    was = before.state.waiting if before and before.state else None
    now = after.state.waiting if after.state else None
    return was is not None and now is not None and (was.reason, was.message) == (now.reason, now.message)
