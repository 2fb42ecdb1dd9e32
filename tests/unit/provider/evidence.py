"""Builders for what the provider reads: pods, container groups, instances and events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from lightkube.models.core_v1 import PodStatus
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.status import status_patch
from scvk.provider import ownership
from scvk.provider.ownership import PodMark
from scvk.provider.timeline import PlatformEvent
from scvk.saladcloud.models import (
    Container,
    ContainerGroup,
    ContainerGroupInstance,
    ContainerGroupState,
    InstanceStatusCounts,
)

UID = "b2f1c9e0-6f0c-4b43-9a26-3a1f0f8e8d11"
MARK = PodMark("c1", "shop", "web", UID, 0, "node-a")
NAME = ownership.group_name(MARK)
HOST_IP = "10.0.0.7"
START = datetime(2026, 1, 2, 3, 0, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def a_pod(
    *,
    policy: str = "Always",
    startup: bool = False,
    readiness: bool = False,
    status: Mapping[str, Any] | None = None,
    annotations: Mapping[str, str] | None = None,
    spec: Mapping[str, Any] | None = None,
    container: Mapping[str, Any] | None = None,
    uid: str = UID,
    name: str = "web",
) -> Pod:
    probe = {"tcpSocket": {"port": 80}}
    main = {"name": "main", "image": "nginx", "command": ["run"], **(container or {})}
    if startup:
        main["startupProbe"] = probe
    if readiness:
        main["readinessProbe"] = probe
    manifest = {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": uid,
            "generation": 1,
            "annotations": dict(annotations or {}),
        },
        "spec": {"restartPolicy": policy, "containers": [main], **(spec or {})},
        "status": dict(status or {}),
    }
    return msgspec.convert(manifest, Pod)


def with_status(pod: Pod, desired: PodStatus, *, now: datetime) -> Pod:
    """Return the pod as the API server has it after the kubelet's status writer did its work."""
    patch = status_patch(pod.status, desired, uid=UID, now=now)
    if patch is None:
        return pod
    plain = msgspec.json.decode(msgspec.json.encode(pod))
    status = plain.get("status") or {}
    for field, value in patch["status"].items():
        if field == "conditions":
            kept = {entry["type"]: entry for entry in status.get("conditions") or []}
            for entry in value:
                if entry.get("$patch") == "delete":
                    del kept[entry["type"]]
                    continue
                merged = {**kept.get(entry["type"], {}), **entry}
                kept[entry["type"]] = {key: each for key, each in merged.items() if each is not None}
            status["conditions"] = list(kept.values())
        elif isinstance(value, list):
            status[field] = [entry for entry in value if "$patch" not in entry]
        elif value is None:
            status.pop(field, None)
        else:
            status[field] = value
    return msgspec.convert({**plain, "status": status}, Pod)


def a_group(
    status: str = "running",
    *,
    name: str = NAME,
    running: int | None = None,
    counts: InstanceStatusCounts | None = None,
    environment: Mapping[str, str] | None = None,
    description: str | None = None,
    group_id: str = "",
    started: float | None = None,
    finished: float | None = None,
    version: int = 1,
) -> ContainerGroup:
    if counts is None and running is not None:
        counts = InstanceStatusCounts(
            allocating_count=1 - running, creating_count=0, running_count=running, stopping_count=0
        )
    return ContainerGroup(
        id=group_id or f"id-of-{name}",
        name=name,
        version=version,
        container=Container(environment_variables=environment),
        current_state=ContainerGroupState(
            status=status,
            description=description,
            instance_status_counts=counts,
            start_time=None if started is None else at(started),
            finish_time=None if finished is None else at(finished),
        ),
    )


def our_group(status: str = "running", *, mark: PodMark = MARK, running: int | None = 1) -> ContainerGroup:
    return a_group(status, name=ownership.group_name(mark), running=running, environment=ownership.environment(mark))


def an_event(seconds: float, text: str, instance: str = "i1", machine: str = "m1") -> PlatformEvent:
    return PlatformEvent(at(seconds), text, instance, machine)


def an_instance(
    state: str = "running",
    *,
    ready: bool | None = None,
    started: bool | None = None,
    progress: float | None = None,
    updated: float | None = None,
) -> ContainerGroupInstance:
    return ContainerGroupInstance(
        id="i1",
        state=state,
        ready=ready,
        started=started,
        pulling_progress=progress,
        update_time=None if updated is None else at(updated),
    )
