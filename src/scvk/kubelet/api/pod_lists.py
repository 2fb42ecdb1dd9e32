"""The pods of the node as `/pods` and `/runningpods/` list them: pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from lightkube.resources.core_v1 import Pod


def all_pods(pods: Iterable[Pod]) -> dict[str, Any]:
    """Return the pods that are bound to the node, as last seen."""
    return _list(msgspec.to_builtins(pod) for pod in pods)


def running_pods(pods: Iterable[Pod]) -> dict[str, Any]:
    """Return the pods of which a container runs now, with those containers and no more, as a kubelet's runtime knows
    them.
    """
    return _list(found for pod in pods if (found := _running(pod)) is not None)


def _running(pod: Pod) -> dict[str, Any] | None:
    statuses = (pod.status.containerStatuses if pod.status else None) or []
    containers = [
        {"name": each.name, "image": each.image, "resources": {}}
        for each in statuses
        if each.state is not None and each.state.running is not None
    ]
    if not containers or pod.metadata is None:
        return None
    metadata = {"name": pod.metadata.name, "namespace": pod.metadata.namespace, "uid": pod.metadata.uid}
    return {"metadata": metadata, "spec": {"containers": containers}, "status": {}}


def _list(items: Iterable[Any]) -> dict[str, Any]:
    return {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": list(items)}
