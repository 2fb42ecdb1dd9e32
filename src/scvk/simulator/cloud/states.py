"""The states of groups and instances, as the OpenAPI document names them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum


class GroupStatus(StrEnum):
    """`ContainerGroupStatus`, OpenAPI document."""

    PENDING = "pending"
    STOPPED = "stopped"
    DEPLOYING = "deploying"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class InstanceState(StrEnum):
    """`ContainerGroupInstanceState`, OpenAPI document."""

    ALLOCATING = "allocating"
    DOWNLOADING = "downloading"
    CREATING = "creating"
    RUNNING = "running"
    STOPPING = "stopping"


def status_counts(states: Iterable[InstanceState]) -> Mapping[str, int]:
    """`ContainerGroupInstanceStatusCount`, OpenAPI document: downloading instances count as creating."""
    counted = list(states)
    return {
        "allocating_count": counted.count(InstanceState.ALLOCATING),
        "creating_count": counted.count(InstanceState.CREATING) + counted.count(InstanceState.DOWNLOADING),
        "running_count": counted.count(InstanceState.RUNNING),
        "stopping_count": counted.count(InstanceState.STOPPING),
    }
