"""Container groups: as the platform shows them, as a request to create one, and as a patch."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import UNSET, UnsetType, field

from scvk.saladcloud.models.base import Model
from scvk.saladcloud.models.containers import Container, CreateContainer, UpdateContainer
from scvk.saladcloud.models.networking import (
    ContainerGroupNetworking,
    CreateContainerGroupNetworking,
    UpdateContainerGroupNetworking,
)
from scvk.saladcloud.models.probes import Probe
from scvk.saladcloud.models.scaling import QueueAutoscaler, QueueConnection, ScalingAction

MAX_LISTED_GROUPS = 100
"""A listing of so many groups, or of a multiple, may be cut: `ContainerGroupCollection.items.maxItems`."""


class GroupStatus(StrEnum):
    """`current_state.status`: the members known today."""

    PENDING = "pending"
    """The image is being pulled into SaladCloud's own registry."""
    STOPPED = "stopped"
    DEPLOYING = "deploying"
    """Started; no instance has run yet."""
    RUNNING = "running"
    """At least one instance has run; it may be allocating again."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The image could not be had: `current_state.description` says why."""


class RestartPolicy(StrEnum):
    """When an exited container is started again: the members known today."""

    ALWAYS = "always"
    ON_FAILURE = "on_failure"
    NEVER = "never"


class InstanceStatusCounts(Model, frozen=True, kw_only=True):
    """How many instances of a group are in which state. None: not shown."""

    allocating_count: int | None = None
    creating_count: int | None = None
    running_count: int | None = None
    stopping_count: int | None = None


class ContainerGroupState(Model, frozen=True, kw_only=True):
    """What a group is doing. `status` is a `GroupStatus`, or another word, or "" where the answer shows none.

    The document requires both times in every answer, also of a group that has not started or finished: a time
    there is no evidence that something has happened.
    """

    description: str | None = None
    finish_time: datetime | None = None
    instance_status_counts: InstanceStatusCounts | None = None
    start_time: datetime | None = None
    status: str = ""


class ContainerGroup(Model, frozen=True, kw_only=True):
    """A group as the platform shows it; `id` and `name` identify it, all else may be missing (None)."""

    id: str
    name: str
    autostart_policy: bool | None = None
    container: Container = field(default_factory=Container)
    country_codes: tuple[str, ...] | None = None
    create_time: datetime | None = None
    current_state: ContainerGroupState = field(default_factory=ContainerGroupState)
    display_name: str | None = None
    liveness_probe: Probe | None = None
    networking: ContainerGroupNetworking | None = None
    organization_name: str | None = None
    pending_change: bool | None = None
    priority: str | None = None
    project_name: str | None = None
    queue_autoscaler: QueueAutoscaler | None = None
    queue_connection: QueueConnection | None = None
    readiness_probe: Probe | None = None
    readme: str | None = None
    replicas: int | None = None
    restart_policy: str | None = None
    scaling_actions: tuple[ScalingAction, ...] | None = field(default=None, name="scaling-actions")
    scheduled_scaling_enabled: bool | None = field(default=None, name="scheduled-scaling-enabled")
    startup_probe: Probe | None = None
    update_time: datetime | None = None
    version: int | None = None


class ContainerGroupCollection(Model, frozen=True, kw_only=True):
    """The groups of a project; one undecodable group makes the whole listing undecodable."""

    items: tuple[ContainerGroup, ...]

    @property
    def may_be_cut(self) -> bool:
        """Whether the listing says nothing about the groups that it lacks (see `MAX_LISTED_GROUPS`)."""
        return len(self.items) > 0 and len(self.items) % MAX_LISTED_GROUPS == 0


class ContainerGroupPrototype(Model, frozen=True, kw_only=True):
    """A request to create a group. None leaves a field out.

    `name`: 2 to 63 of `[a-z0-9-]`, begins with a letter, ends with a letter or digit, never used before in
    the project. `replicas` 0 to 500; `country_codes` 1 to 500 lower-case ISO 3166 codes; `restart_policy` a
    `RestartPolicy`; `display_name` 2 to 63 letters, digits, spaces and `,-.`.
    """

    name: str
    container: CreateContainer
    replicas: int
    restart_policy: str
    autostart_policy: bool
    country_codes: tuple[str, ...] | None = None
    display_name: str | None = None
    liveness_probe: Probe | None = None
    networking: CreateContainerGroupNetworking | None = None
    queue_autoscaler: QueueAutoscaler | None = None
    queue_connection: QueueConnection | None = None
    readiness_probe: Probe | None = None
    scaling_actions: tuple[ScalingAction, ...] | None = field(default=None, name="scaling-actions")
    scheduled_scaling_enabled: bool | None = field(default=None, name="scheduled-scaling-enabled")
    startup_probe: Probe | None = None


class ContainerGroupPatch(Model, frozen=True, kw_only=True):
    """A merge patch of a group: UNSET keeps what is, None (where allowed) sends the null that resets it."""

    container: UpdateContainer | UnsetType | None = UNSET
    country_codes: tuple[str, ...] | UnsetType | None = UNSET
    display_name: str | UnsetType | None = UNSET
    liveness_probe: Probe | UnsetType | None = UNSET
    networking: UpdateContainerGroupNetworking | UnsetType = UNSET
    queue_autoscaler: QueueAutoscaler | UnsetType = UNSET
    readiness_probe: Probe | UnsetType | None = UNSET
    replicas: int | UnsetType | None = UNSET
    scaling_actions: tuple[ScalingAction, ...] | UnsetType = field(default=UNSET, name="scaling-actions")
    scheduled_scaling_enabled: bool | UnsetType = field(default=UNSET, name="scheduled-scaling-enabled")
    startup_probe: Probe | UnsetType | None = UNSET
