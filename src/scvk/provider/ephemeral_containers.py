"""Ephemeral containers (`kubectl debug`): SaladCloud cannot add a container to a running group, so they wait.

They count for nothing, neither for the phase nor for Ready, as with any kubelet.
"""

from __future__ import annotations

from lightkube.models.core_v1 import ContainerState, ContainerStateWaiting, ContainerStatus
from lightkube.resources.core_v1 import Pod

NOT_SUPPORTED = "EphemeralContainersNotSupported"
WORDS = (
    "SaladCloud cannot add a container to a running container group: use `kubectl exec`, or a copy of the pod "
    "(`kubectl debug --copy-to`)."
)


def ephemeral_statuses(pod: Pod) -> list[ContainerStatus]:
    """Return a status for each ephemeral container of the pod."""
    waiting = ContainerState(waiting=ContainerStateWaiting(reason=NOT_SUPPORTED, message=WORDS))
    return [
        ContainerStatus(name=each.name, image=each.image or "", imageID="", ready=False, restartCount=0, state=waiting)
        for each in (pod.spec.ephemeralContainers if pod.spec else None) or []
    ]
