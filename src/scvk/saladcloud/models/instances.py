"""Instances of a group: one container each, on somebody's machine that may vanish."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import UNSET, UnsetType

from scvk.saladcloud.models.base import Model


class InstanceState(StrEnum):
    """`state` of an instance: the members known today."""

    ALLOCATING = "allocating"
    DOWNLOADING = "downloading"
    CREATING = "creating"
    RUNNING = "running"
    STOPPING = "stopping"


class ContainerGroupInstance(Model, frozen=True, kw_only=True):
    """One instance. `id` identifies it; everything else may be missing (None).

    `state` is an `InstanceState`, or another word, or "" where the answer shows none. `update_time` is when
    the state last changed. Refreshed once a minute: `cpu_percent` and `memory_usage_percent`, `cpu_usage`
    and `cpu_usage_total` in seconds, `memory_usage_mb` in megabytes. `pulling_progress` 0 to 100, while
    downloading.
    """

    id: str
    cpu_percent: float | None = None
    cpu_usage: float | None = None
    cpu_usage_total: float | None = None
    deletion_cost: int | None = None
    machine_id: str | None = None
    memory_usage_mb: float | None = None
    memory_usage_percent: float | None = None
    pulling_progress: float | None = None
    ready: bool | None = None
    ssh_host_key_fingerprint: str | None = None
    ssh_ip: str | None = None
    ssh_port: int | None = None
    started: bool | None = None
    state: str = ""
    update_time: datetime | None = None
    version: int | None = None


class ContainerGroupInstanceCollection(Model, frozen=True, kw_only=True):
    """The instances of a group. One undecodable instance makes the whole listing undecodable."""

    instances: tuple[ContainerGroupInstance, ...]


class ContainerGroupInstancePatch(Model, frozen=True, kw_only=True):
    """What can change of an instance: `deletion_cost` 0 to 100000; the cheapest goes first."""

    deletion_cost: int | UnsetType | None = UNSET
