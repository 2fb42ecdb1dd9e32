"""Pods, nodes and leases as the API server would give them: say only what the test is about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from lightkube.models.core_v1 import PodStatus
from lightkube.resources.core_v1 import Node, Pod

NODE = "salad"
START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def pod_json(
    name: str = "web",
    *,
    namespace: str = "shop",
    uid: str = "uid-a",
    version: int | str | None = None,
    node: str = NODE,
    status: dict[str, Any] | None = None,
    deleted: bool = False,
    annotations: dict[str, str] | None = None,
    command: str | None = None,
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": namespace, "uid": uid}
    if version is not None:
        metadata["resourceVersion"] = str(version)
    if deleted:
        metadata["deletionTimestamp"] = "2026-03-01T12:00:00Z"
    if annotations:
        metadata["annotations"] = annotations
    container: dict[str, Any] = {"name": "main", "image": "busybox"}
    if command is not None:
        container["command"] = [command]
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": metadata,
        "spec": {"nodeName": node, "containers": [container]},
        "status": {"phase": "Pending"} if status is None else status,
    }


def pod(name: str = "web", **given: Any) -> Pod:
    return msgspec.convert(pod_json(name, **given), type=Pod)


def running(**more: Any) -> dict[str, Any]:
    """Return the status of a pod whose container runs."""
    state = {"running": {"startedAt": "2026-03-01T11:00:00Z"}}
    container = {"name": "main", "image": "busybox", "imageID": "", "ready": True, "restartCount": 0, "state": state}
    return {"phase": "Running", "startTime": "2026-03-01T10:59:00Z", "containerStatuses": [container], **more}


def status(plain: dict[str, Any]) -> PodStatus:
    return msgspec.convert(plain, type=PodStatus)


def node_json(**metadata: Any) -> dict[str, Any]:
    return {"metadata": {"labels": {"type": "virtual-kubelet"}, **metadata}, "spec": {}, "status": {}}


def node(plain: dict[str, Any]) -> Node:
    return msgspec.convert(plain, type=Node)
