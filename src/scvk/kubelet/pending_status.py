"""The status of a pod that waits for something that it refers to: a pure function, by the kubelet's rules.

A container whose environment lacks something waits as CreateContainerConfigError; a volume that cannot be filled
keeps all containers waiting as those of any pod that has not begun (`generateAPIPodStatus`, read at v1.37.2):
ContainerCreating, or PodInitializing where there are init containers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lightkube.models.core_v1 import (
    Container,
    ContainerState,
    ContainerStateWaiting,
    ContainerStatus,
    HostIP,
    PodCondition,
    PodStatus,
)
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.inputs import MissingInput
from scvk.kubelet.references import CONFIG_ERROR, CREATING
from scvk.kubelet.status import condition

INITIALIZING = "PodInitializing"


def waits_for_inputs(pod: Pod, error: MissingInput, *, now: datetime, host_ip: str) -> PodStatus:
    """Return the whole status of a pod of which nothing was made, since its inputs are not all there."""
    spec = pod.spec
    first = list(spec.initContainers or ()) if spec else []
    main = list(spec.containers or ()) if spec else []
    default = INITIALIZING if first else CREATING
    unready = f"containers with unready status: [{' '.join(container.name for container in main)}]"
    uninitialized = f"containers with incomplete status: [{' '.join(container.name for container in first)}]"
    conditions = [
        PodCondition(type="PodReadyToStartContainers", status="False"),
        PodCondition(type="Initialized", status="True")
        if not first
        else PodCondition(type="Initialized", status="False", reason="ContainersNotInitialized", message=uninitialized),
        PodCondition(type="ContainersReady", status="False", reason="ContainersNotReady", message=unready),
        PodCondition(type="Ready", status="False", reason="ContainersNotReady", message=unready),
    ]
    if condition(pod.status, "PodScheduled") is None:
        conditions.append(PodCondition(type="PodScheduled", status="True"))
    before = pod.status or PodStatus()
    return PodStatus(
        phase="Pending",
        # `kubectl describe` shows a waiting container's reason, and not its message; the pod's own it shows.
        message=str(error),
        conditions=conditions,
        containerStatuses=_waiting(main, "spec.containers", default, before.containerStatuses, error),
        initContainerStatuses=_waiting(first, "spec.initContainers", default, before.initContainerStatuses, error)
        or None,
        hostIP=host_ip,
        hostIPs=[HostIP(ip=host_ip)],
        startTime=before.startTime or now,
        observedGeneration=pod.metadata.generation if pod.metadata else None,
    )


def _waiting(
    containers: Sequence[Container],
    path: str,
    default: str,
    before: Sequence[ContainerStatus] | None,
    error: MissingInput,
) -> list[ContainerStatus]:
    known = {entry.name: entry for entry in before or ()}
    statuses = []
    for index, container in enumerate(containers):
        own = [
            missing.message
            for missing in error.missing
            if missing.reason == CONFIG_ERROR and missing.path.startswith(f"{path}[{index}].")
        ]
        # What is missing beside volumes and variables (a Secret that an annotation names) has no container of its own.
        if not own and path == "spec.containers" and index == 0 and error.reason == CONFIG_ERROR:
            own = [message for message in (str(error),) if not error.path.startswith("spec.")]
        reason, message = (CONFIG_ERROR, "; ".join(own)) if own else (default, None)
        entry = known.get(container.name)
        statuses.append(
            ContainerStatus(
                name=container.name,
                image=container.image or "",
                imageID="",
                ready=False,
                started=False,
                restartCount=entry.restartCount if entry else 0,
                state=ContainerState(waiting=ContainerStateWaiting(reason=reason, message=message)),
                lastState=entry.lastState if entry else None,
            )
        )
    return statuses
