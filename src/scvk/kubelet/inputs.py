"""What a pod's containers run with, resolved by the kubelet before a provider makes anything of it.

Kubernetes keeps much of a container in other objects: variables and files in ConfigMaps and Secrets, logins in pull
secrets. A provider says what it needs (it knows which containers it runs); the kubelet reads the objects and resolves
them by Kubernetes' rules. What is missing is the kubelet's to report: a provider only lets `MissingInput` pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from lightkube.resources.core_v1 import Pod


@dataclass(frozen=True, slots=True)
class NamedSecret:
    """A Secret in the pod's namespace, and where in the pod it is named, such as `metadata.annotations[…]`."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class InputNeeds:
    """What a provider needs to make something of a pod.

    `containers`: names of containers and init containers that will run; with them the volumes that they mount, and the
    pod's pull secrets. `secrets`: further Secrets, which annotations name.
    """

    containers: tuple[str, ...]
    secrets: tuple[NamedSecret, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerInputs:
    """What one container runs with.

    `environment` is in the order in which Kubernetes reads it (`envFrom`, then `env`), with `$(NAME)` references
    expanded. `command` and `args` are expanded likewise; empty where the pod gives none. `secret_variables` names the
    variables whose values hold something of a Secret, also by a reference; `secret_command` and `secret_args` are the
    positions of the items that do. A reference to the pod's own address (`status.podIP`) where it has none leaves its
    variable out, and counts as empty where others refer to it. `origins` is where the entry stands in the pod that gave
    a variable its value, such as `spec.containers[0].envFrom[1]`; variables of Services have none. No value is shown
    by `repr`.
    """

    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    command: tuple[str, ...] = field(default=(), repr=False)
    args: tuple[str, ...] = field(default=(), repr=False)
    secret_variables: frozenset[str] = frozenset()
    secret_command: frozenset[int] = frozenset()
    secret_args: frozenset[int] = frozenset()
    origins: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VolumeFile:
    """One file of a volume.

    `path` is relative to the volume's root, with slashes and no `..`. `mode` has the permission bits (0 to 0o777).
    `secret` says that the content comes from a Secret.
    """

    path: str
    content: bytes = field(repr=False)
    mode: int
    secret: bool = False


@dataclass(frozen=True, slots=True)
class SecretContents:
    """A Secret as it was read: its `type` and its keys with their decoded values."""

    name: str
    type: str
    data: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class InputNotice:
    """Something that was left out and keeps no container from starting: `optional` objects and keys, pull secrets.

    `reason` is an event's, such as OptionalConfigMapNotFound; `path` is where the reference stands in the pod. The
    kubelet tells them as events of the pod; a provider need not repeat them.
    """

    path: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class PodInputs:
    """Everything that `InputNeeds` asked for.

    `containers` by name. `volumes` has the files of the configMap, secret, downwardAPI and projected volumes that those
    containers mount, by volume name; volumes of other kinds are not in it (an emptyDir is empty), nor is the token
    volume that the API server adds to each pod. `pull_secrets` in the order of the pod; those that do not exist are
    left out, as a kubelet does. `secrets`: the further ones, by name. `versions` are those of the objects that contents
    came from, by kind and name (`ConfigMap/settings`): a provider that makes a container of them notes them on the
    pod (`input_versions.noted`).
    """

    containers: Mapping[str, ContainerInputs] = field(default_factory=dict)
    volumes: Mapping[str, tuple[VolumeFile, ...]] = field(default_factory=dict)
    pull_secrets: tuple[SecretContents, ...] = ()
    secrets: Mapping[str, SecretContents] = field(default_factory=dict)
    notices: tuple[InputNotice, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MissingReference:
    """One reference of a pod that cannot be followed: what it names is not there, or is not what it must be.

    `path` is where the reference stands in the pod; `kind` and `name` are what it names (a Secret, a ConfigMap, or
    the Pod itself where one of its own fields cannot be told). `reason` is what the container waits with,
    `event_reason` the event's. `message` never shows a value.
    """

    path: str
    kind: str
    name: str
    message: str
    reason: str
    event_reason: str


class MissingInput(Exception):
    """An object or key that the pod needs is not there, or is not what it must be: the pod waits for it.

    `reason` is what its container waits with, such as CreateContainerConfigError; `event_reason` the event's, such as
    FailedMount or MandatoryConfigMapNotFound; `path` where the reference stands in the pod. Where several are missing,
    these are of the first, and `missing` has all.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str,
        reason: str,
        event_reason: str,
        missing: tuple[MissingReference, ...] = (),
    ) -> None:
        super().__init__(message)
        self.path = path
        self.reason = reason
        self.event_reason = event_reason
        self.missing = missing


class InputSource(Protocol):
    """Where a provider gets a pod's inputs from, when it is about to make something of it (not to observe it)."""

    async def namespace_annotations(self, pod: Pod) -> Mapping[str, str]:
        """Return the annotations of the pod's namespace. Raises TemporaryProviderError where they cannot be read."""
        ...

    async def inputs(self, pod: Pod, needs: InputNeeds) -> PodInputs:
        """Return what is needed. Raises MissingInput, and TemporaryProviderError where nothing certain is known."""
        ...
