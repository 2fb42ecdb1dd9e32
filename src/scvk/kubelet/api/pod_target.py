"""From a path to a pod and container of this node: pure. Nothing else can be reached."""

from __future__ import annotations

from collections.abc import Callable

from lightkube.resources.core_v1 import Pod

from scvk.kubelet.informer import uid_of
from scvk.kubelet.provider import PodKey

PodLookup = Callable[[PodKey], Pod | None]


class NotHere(Exception):
    """There is no such pod on this node, or no such container in it (HTTP 404)."""


def target_pod(lookup: PodLookup, namespace: str, name: str, uid: str | None) -> Pod:
    """Return the pod; a UID must be that of the pod that has the name now. Raises NotHere."""
    pod = lookup(PodKey(namespace, name))
    if pod is None or (uid is not None and uid_of(pod) != uid):
        raise NotHere(f'pod "{name}" in namespace "{namespace}" does not exist on this node')
    return pod


def check_container(pod: Pod, container: str) -> None:
    """Raise NotHere unless the pod declares a container, init container or ephemeral one of that name."""
    spec = pod.spec
    declared: set[str] = set()
    if spec is not None:
        declared.update(one.name for one in (*spec.containers, *(spec.initContainers or [])))
        declared.update(one.name for one in spec.ephemeralContainers or [])
    if container not in declared:
        name = pod.metadata.name if pod.metadata else ""
        raise NotHere(f'container "{container}" not found in pod "{name}"')
