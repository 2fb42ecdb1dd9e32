"""Events for people, from the status a pod had to the one it gets: said when something moves, not while it stays.

Because the former status stands in Kubernetes, a restart of the agent says nothing twice. Reasons are a kubelet's where
it has one for the same thing. What the platform itself reports is told by `platform_events`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from lightkube.models.core_v1 import ContainerState, ContainerStatus, PodStatus
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.events import MESSAGE_LIMIT
from scvk.kubelet.provider import PodEvent
from scvk.provider.ends import UNSEEN_END
from scvk.provider.ephemeral_containers import NOT_SUPPORTED, WORDS
from scvk.provider.pod_status import container_status
from scvk.provider.translate import Finding, Outcome
from scvk.provider.translate.listing import listed
from scvk.provider.waiting import BACK_OFF, CREATING, GROUP_FAILED, IMAGE_ERROR, PULLING, REALLOCATING, STOPPED

_QUIET_REASONS = frozenset({CREATING, "PodInitializing"})
_NO_IMAGE = frozenset({IMAGE_ERROR, GROUP_FAILED, STOPPED})


def events_between(pod: Pod, status: PodStatus, *, pulled_in_s: float | None = None) -> tuple[PodEvent, ...]:
    """Return what is worth telling about the way from the pod's present status to `status`.

    `pulled_in_s` is how long the image took on its way into SaladCloud, where that is known.
    """
    before = container_status(pod)
    after = next(iter(status.containerStatuses or []), None)
    if after is None or after.state is None:
        return ()
    events = [
        *_of_the_image(before, after, pulled_in_s),
        *_of_the_container(before, after, after.state),
        *_of_waiting(before, after),
    ]
    known = {entry.name for entry in (pod.status.ephemeralContainerStatuses if pod.status else None) or []}
    if any(entry.name not in known for entry in status.ephemeralContainerStatuses or []):
        events.append(PodEvent(NOT_SUPPORTED, WORDS, warning=True))
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


def _of_the_image(before: ContainerStatus | None, after: ContainerStatus, took_s: float | None) -> Iterable[PodEvent]:
    was_pulled, is_pulled = (_waits_with(entry)[1] == PULLING for entry in (before, after))
    if is_pulled and not was_pulled:
        yield PodEvent("Pulling", f'Pulling image "{after.image}" into SaladCloud')
    if was_pulled and not is_pulled and _waits_with(after)[0] not in _NO_IMAGE:
        time = "" if took_s is None else f" in {_duration(took_s)}"
        yield PodEvent("Pulled", f'Successfully pulled image "{after.image}" into SaladCloud{time}')


def _of_the_container(
    before: ContainerStatus | None, after: ContainerStatus, state: ContainerState
) -> Iterable[PodEvent]:
    runs, ended = state.running, state.terminated
    anew = before is None or before.state is None or not before.state.running
    if runs and (anew or (before is not None and before.restartCount < after.restartCount)):
        yield PodEvent("Started", f"Started container {after.name}", at=runs.startedAt)
    if ended and not (before and before.state and before.state.terminated):
        text = f"Container {after.name} ended: {ended.reason} (exit code {ended.exitCode})"
        failed = ended.exitCode != 0
        yield PodEvent("Failed" if failed else "Completed", text, warning=failed, at=ended.finishedAt)
    if runs and before is not None and before.ready and not after.ready:
        yield PodEvent("Unhealthy", "Readiness probe failed", warning=True)


def _of_waiting(before: ContainerStatus | None, after: ContainerStatus) -> Iterable[PodEvent]:
    was, now = _waits_with(before), _waits_with(after)
    reason, message = now
    if reason is None or reason in _QUIET_REASONS:
        return
    if reason == BACK_OFF:
        if was != now or _last_end(before) != _last_end(after):
            yield PodEvent("BackOff", message, warning=True, at=_last_end(after))
    elif reason == REALLOCATING:
        # Where the platform says why, its own event is told; the words here go on with the time.
        ended = after.lastState.terminated if after.lastState else None
        if was[0] != reason and (ended is None or ended.message == UNSEEN_END):
            yield PodEvent(REALLOCATING, UNSEEN_END, warning=True)
    elif was != now and reason == IMAGE_ERROR:
        yield PodEvent("Failed", f'Failed to pull image "{after.image}": {message}', warning=True)
    elif was != now:
        yield PodEvent(reason or "Waiting", message or reason or "Waiting", warning=True)


def _waits_with(entry: ContainerStatus | None) -> tuple[str | None, str]:
    """Return reason and message; no reason where it does not wait."""
    waiting = entry.state.waiting if entry and entry.state else None
    return (waiting.reason or "", waiting.message or "") if waiting else (None, "")


def _last_end(entry: ContainerStatus | None) -> datetime | None:
    ended = entry.lastState.terminated if entry and entry.lastState else None
    return ended.finishedAt.replace(microsecond=0) if ended and ended.finishedAt else None


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
