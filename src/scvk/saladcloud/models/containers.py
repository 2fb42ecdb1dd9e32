"""The container of a group: image, command, environment and resources; read, created and updated.

Three shapes because the document has three: what is required, and whether null is a value, differs.
Environment values are hidden in `repr`: Kubernetes secrets travel in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

from msgspec import UNSET, UnsetType, field

from scvk.saladcloud.models.base import Model
from scvk.saladcloud.models.log_sinks import ContainerLogging
from scvk.saladcloud.models.registry_authentication import RegistryAuthentication


class Priority(StrEnum):
    """Which group may interrupt which: the members known today, highest first."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    BATCH = "batch"


class ContainerResources(Model, frozen=True, kw_only=True):
    """What an instance gets.

    `cpu` cores, `memory` and `shm_size` megabytes (1024 MB is 1 GiB), `storage_amount` bytes.
    `gpu_classes` are ids; an instance gets any one of them, and none where the list is empty or null.
    """

    cpu: int | None = None
    gpu_classes: tuple[str, ...] | None = None
    memory: int | None = None
    shm_size: int | None = None
    storage_amount: int | None = None


class Container(Model, frozen=True, kw_only=True):
    """The container as the platform shows it.

    `environment_variables` None means that the answer does not show them, which is not the same as there
    being none.
    """

    secret_fields: ClassVar[frozenset[str]] = frozenset({"environment_variables"})

    # Required and nullable: the default is a factory, so that `body_of` writes the null.
    command: tuple[str, ...] | None = field(default_factory=lambda: None)
    environment_variables: Mapping[str, str] | None = None
    hash: str | None = None
    image: str | None = None
    image_caching: bool | None = None
    logging: ContainerLogging | None = None
    resources: ContainerResources | None = None
    size: int | None = None


class CreateContainerResources(Model, frozen=True, kw_only=True):
    """Resources to create with.

    `cpu` 1 to 1024 cores, `memory` 1024 to 1073741824 megabytes, `shm_size` 64 to 1073741824 megabytes (the
    platform's default is 64), `storage_amount` 1 GiB to 1 PiB in bytes, `gpu_classes` at most 100 UUIDs.
    """

    cpu: int
    memory: int
    gpu_classes: tuple[str, ...] | None = None
    shm_size: int | None = None
    storage_amount: int | None = None


class CreateContainer(Model, frozen=True, kw_only=True):
    """The container to create.

    `command` replaces ENTRYPOINT and CMD of the image: at most 100 items of 1 to 1000 characters.
    Environment values have 1 to 1000 characters. Neither may have line breaks. `priority` is a `Priority`.
    """

    secret_fields: ClassVar[frozenset[str]] = frozenset({"environment_variables"})

    image: str
    resources: CreateContainerResources
    command: tuple[str, ...] | None = None
    environment_variables: Mapping[str, str] | None = None
    image_caching: bool | None = None
    logging: ContainerLogging | None = None
    priority: str | None = None
    registry_authentication: RegistryAuthentication | None = None


class UpdateContainerResources(Model, frozen=True, kw_only=True):
    """Resources to change: units and ranges as in `CreateContainerResources`; UNSET keeps what is."""

    cpu: int | UnsetType | None = UNSET
    gpu_classes: tuple[str, ...] | UnsetType | None = UNSET
    memory: int | UnsetType | None = UNSET
    shm_size: int | UnsetType | None = UNSET
    storage_amount: int | UnsetType | None = UNSET


class UpdateContainer(Model, frozen=True, kw_only=True):
    """What to change of a container; UNSET keeps what is.

    A merge patch merges objects: variables that `environment_variables` does not name stay, and the
    document allows no null to remove one. Command items have 1 to 1024 characters here, the image 1 to
    1024.
    """

    secret_fields: ClassVar[frozenset[str]] = frozenset({"environment_variables"})

    command: tuple[str, ...] | UnsetType | None = UNSET
    environment_variables: Mapping[str, str] | UnsetType = UNSET
    image: str | UnsetType | None = UNSET
    image_caching: bool | UnsetType = UNSET
    logging: ContainerLogging | UnsetType | None = UNSET
    priority: str | UnsetType | None = UNSET
    registry_authentication: RegistryAuthentication | UnsetType = UNSET
    resources: UpdateContainerResources | UnsetType | None = UNSET
