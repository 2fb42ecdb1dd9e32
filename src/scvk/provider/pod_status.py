"""The shape of a PodStatus: built whole, from one container's status, by the kubelet's rules; and how to read one.

The containers that do not run are told as ended, and count for nothing: not for the phase, not for Ready.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lightkube.models.core_v1 import (
    Container,
    ContainerState,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    HostIP,
    PodCondition,
    PodStatus,
)
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.status import condition
from scvk.provider.disruption import disrupted
from scvk.provider.ephemeral_containers import ephemeral_statuses
from scvk.provider.last_words import FailedInit
from scvk.provider.running import Running, running
from scvk.provider.translate.run_plan import NOT_RUN

UNKNOWN_EXIT_CODE = 137
"""What a kubelet reports for a container whose end it did not see."""
UNKNOWN_END = "ContainerStatusUnknown"

_LEFT_OUT = ContainerStateTerminated(
    exitCode=0, reason=NOT_RUN, message="Not run: a container group has one container, and another one was chosen."
)
_DONE = ContainerStateTerminated(
    exitCode=0, reason="Completed", message="Run by the start-up wrapper, in the container of the program."
)


def waiting_status(pod: Pod, reason: str, message: str, *, now: datetime, host_ip: str) -> PodStatus:
    """Return the status of a pod for which nothing runs, with a reason that a person can act on."""
    state = ContainerState(waiting=ContainerStateWaiting(reason=reason, message=message))
    return pod_status(
        pod,
        phase="Running" if has_run(pod) else "Pending",
        container=idle_container(pod, state),
        ready=False,
        now=now,
        host_ip=host_ip,
        sandbox=False,
    )


def idle_container(pod: Pod, state: ContainerState) -> ContainerStatus:
    """Return the status of the pod's container in `state`, not running; what was counted before is kept."""
    previous = container_status(pod)
    return ContainerStatus(
        name=container_name(pod),
        image=image(pod),
        imageID="",
        ready=False,
        started=False,
        restartCount=previous.restartCount if previous else 0,
        state=state,
        lastState=previous.lastState if previous else None,
    )


def _beside(container: Container, state: ContainerState, *, ready: bool = False) -> ContainerStatus:
    """Return the status of a container that SaladCloud knows nothing of."""
    return ContainerStatus(
        name=container.name,
        image=container.image or "",
        imageID="",
        ready=ready,
        started=False,
        restartCount=0,
        state=state,
    )


def _init_statuses(
    runs: Running, begun: bool, failed: FailedInit | None, main: ContainerState | None
) -> list[ContainerStatus]:
    """Return the init containers': those that run are through when the program has begun, or a later one failed."""
    waiting = ContainerState(waiting=ContainerStateWaiting(reason="PodInitializing"))
    if not runs.chosen and main is not None:
        waiting = main
    statuses: list[ContainerStatus] = []
    through = begun or failed is not None
    for each in runs.init:
        if failed is not None and each.name == failed.name:
            end = ContainerStateTerminated(exitCode=failed.exit_code, reason="Error")
            statuses.append(_beside(each, ContainerState(terminated=end)))
            through = False
        else:
            present = ContainerState(terminated=_DONE) if through else waiting
            statuses.append(_beside(each, present, ready=through))
    return statuses + [_beside(each, ContainerState(terminated=_LEFT_OUT)) for each in runs.other_init]


def _other_statuses(runs: Running, main: ContainerState | None) -> list[ContainerStatus]:
    """Return the further containers': not run, or waiting as the main one does while nothing is chosen."""
    present = ContainerState(terminated=_LEFT_OUT) if runs.chosen else main or ContainerState()
    return [_beside(each, present) for each in runs.others]


def lost_status(pod: Pod, *, now: datetime, host_ip: str) -> PodStatus:
    """Return the status of a pod whose group ran and was deleted by somebody else."""
    message = "The container group is gone: somebody deleted it in SaladCloud. It will not come back."
    previous = container_status(pod)
    end = unknown_end(last_start(previous), now, message, previous.containerID if previous else None)
    result = pod_status(
        pod,
        phase="Failed",
        container=idle_container(pod, ContainerState(terminated=end)),
        ready=False,
        now=now,
        host_ip=host_ip,
        sandbox=False,
    )
    result.reason, result.message = "ContainerGroupDeleted", message
    return disrupted(result, message)


def unknown_end(
    began: datetime | None, ended: datetime | None, message: str, container_id: str | None = None
) -> ContainerStateTerminated:
    """Return the end of a run that nobody saw, as a kubelet tells it."""
    return ContainerStateTerminated(
        exitCode=UNKNOWN_EXIT_CODE,
        reason=UNKNOWN_END,
        message=message,
        startedAt=began,
        finishedAt=ended,
        containerID=container_id,
    )


def has_run(pod: Pod) -> bool:
    """Say whether the pod's status tells that its container has been started at least once."""
    status = pod.status
    return (status is not None and status.phase == "Running") or last_start(container_status(pod)) is not None


def container_status(pod: Pod) -> ContainerStatus | None:
    """Return the status of the pod's one container as it stands."""
    name = container_name(pod)
    entries = (pod.status.containerStatuses if pod.status else None) or []
    return next((entry for entry in entries if entry.name == name), None)


def last_start(status: ContainerStatus | None) -> datetime | None:
    """Return when the newest run that was told of began."""
    for state in (status.state, status.lastState) if status else ():
        if state and state.running and state.running.startedAt:
            return state.running.startedAt
        if state and state.terminated and state.terminated.startedAt:
            return state.terminated.startedAt
    return None


def pod_status(
    pod: Pod,
    *,
    phase: str,
    container: ContainerStatus,
    ready: bool,
    now: datetime,
    host_ip: str,
    sandbox: bool,
    failed_init: FailedInit | None = None,
) -> PodStatus:
    """Return a PodStatus around one container's status, with the kubelet's conditions.

    Readiness gates are not in it: the kubelet adds what they mean for Ready.
    """
    finished = phase in ("Succeeded", "Failed")
    runs = running(pod)
    begun = not runs.init or (phase != "Pending" and failed_init is None)
    why_not = _END_REASONS.get(phase) or (
        "ContainersNotReady",
        f"containers with unready status: [{container.name}]",
    )
    init = _init_statuses(runs, begun, failed_init, container.state)
    incomplete = " ".join(each.name for each in init if not each.ready and each.name in {one.name for one in runs.init})
    conditions = [
        _condition("PodReadyToStartContainers", sandbox and not finished),
        _condition("Initialized", True, "PodCompleted" if phase == "Succeeded" else None)
        if begun
        else _condition(
            "Initialized", False, "ContainersNotInitialized", f"containers with incomplete status: [{incomplete}]"
        ),
        _condition("ContainersReady", ready, *(() if ready else why_not)),
        _condition("Ready", ready, *(() if ready else why_not)),
    ]
    if condition(pod.status, "PodScheduled") is None:
        conditions.append(_condition("PodScheduled", True))
    waiting = container.state.waiting if container.state else None
    return PodStatus(
        phase=phase,
        # `kubectl describe` shows a waiting container's reason, and not its message; the pod's own it shows.
        message=waiting.message if waiting else None,
        conditions=conditions,
        # The first is the one that runs: it is what everything else here speaks of.
        containerStatuses=[container, *_other_statuses(runs, container.state)],
        initContainerStatuses=init or None,
        ephemeralContainerStatuses=ephemeral_statuses(pod) or None,
        hostIP=host_ip,
        hostIPs=[HostIP(ip=host_ip)],
        startTime=(pod.status.startTime if pod.status else None) or now,
        observedGeneration=pod.metadata.generation if pod.metadata else None,
    )


_END_REASONS = {"Succeeded": ("PodCompleted", ""), "Failed": ("PodFailed", "")}


def _condition(kind: str, holds: bool, reason: str | None = None, message: str | None = None) -> PodCondition:
    return PodCondition(type=kind, status="True" if holds else "False", reason=reason, message=message or None)


@dataclass(frozen=True, slots=True)
class Probes:
    """Which probes a container has that readiness depends on."""

    startup: bool
    readiness: bool


def probes(pod: Pod) -> Probes:
    """Say which probes the container has that readiness depends on."""
    container = running(pod).main
    return Probes(container.startupProbe is not None, container.readinessProbe is not None)


def has_probes(pod: Pod) -> bool:
    """Say whether readiness depends on a probe, which the listing does not show."""
    has = probes(pod)
    return has.startup or has.readiness


def container_name(pod: Pod) -> str:
    """Return the name of the container that runs."""
    return running(pod).main.name


def image(pod: Pod) -> str:
    """Return the image of the container that runs, as the pod writes it."""
    return running(pod).main.image or ""
