"""The seam between the kubelet and a cloud: what a provider promises, and what the kubelet promises back.

The kubelet is level-triggered: every method may be called at any time, again after a failure, or after a
restart that forgot everything. A provider therefore derives each answer from what is true now (the cloud's last
known state and the pod's own annotations), never from the memory of an earlier call.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from lightkube.models.core_v1 import NodeCondition, PodStatus
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.inputs import InputSource


@dataclass(frozen=True, slots=True, order=True)
class PodKey:
    """Namespace and name: what the work queue holds. Successors of one name share a key, never a UID."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """Return `namespace/name`, as Kubernetes tools print it."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class PodIdentity:
    """One pod for ever: the UID tells it from earlier and later pods of the same name."""

    key: PodKey
    uid: str


@dataclass(frozen=True, slots=True)
class Holding:
    """Something in the cloud that is surely ours, and the pod and node that it was made for."""

    pod: PodIdentity
    node: str


@dataclass(frozen=True, slots=True)
class PodEvent:
    """Something to tell the pod's owner: becomes a Kubernetes Event of type Normal, or Warning.

    `at` is when it happened, where that is known for sure: then it may be told again at any time, also after a
    restart, and is counted once. Without it, it happens when it is told.
    """

    reason: str
    message: str
    warning: bool = False
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """What is true of a pod now.

    `status` is the whole PodStatus but for condition times, which the kubelet's status writer keeps where nothing
    changed; None means that nothing is known that would justify a change. `annotations` are to stand on the pod
    *before* the provider is asked again: the provider records there what a restart must not forget.
    `again_in` is when to look again without a change being reported, in seconds (0: at once, as soon as the
    annotations are written); None: only on changes.
    """

    status: PodStatus | None
    annotations: Mapping[str, str] = field(default_factory=dict)
    events: tuple[PodEvent, ...] = ()
    again_in: float | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """How far a removal has come. `certain` is True only when nothing of the pod can be left in the cloud."""

    certain: bool
    again_in: float | None = None
    events: tuple[PodEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What the provider knows of the node it plays: quantities as Kubernetes writes them.

    `allocatable` is what the pods bound to the node and those to come may have together (None: all of `capacity`).
    `conditions` are added to a kubelet's own, or take the place of the one of their type. `annotations` are the
    provider's memory: they stand on the Node, at most a minute old, and come back by `recall` after a restart.
    """

    capacity: Mapping[str, str]
    labels: Mapping[str, str] = field(default_factory=dict)
    conditions: tuple[NodeCondition, ...] = ()
    provider_id: str | None = None
    allocatable: Mapping[str, str] | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def can_be_given(self) -> Mapping[str, str]:
        """What the node says to be allocatable."""
        return self.capacity if self.allocatable is None else self.allocatable


class TemporaryProviderError(Exception):
    """The provider could not learn or do something now; the text says what, for a log line or an event.

    The kubelet keeps the pod as it is and tries again with backoff: unknown is not absent.
    `retry_after` is the earliest useful time of the next try in seconds, where the cloud said so.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Provider(Protocol):
    """A cloud that runs pods. See the module docstring for what may be repeated."""

    async def sync(self, pod: Pod, inputs: InputSource) -> Observation:
        """Bring the cloud at most one action nearer to `pod` and say what is true now.

        `inputs` is asked only when something is about to be made of the pod, and for no more than is needed: what runs
        is not disturbed by a Secret that is gone. Repeatable at any time. Lets MissingInput of `inputs` pass, and
        raises TemporaryProviderError when nothing certain can be said.
        """
        ...

    async def remove(self, pod: PodIdentity, annotations: Mapping[str, str]) -> Removal:
        """Bring the cloud one step nearer to having nothing of `pod`; repeatable, also for pods never seen.

        `annotations` are the pod's own, as last known: they say what an earlier sync may have made.
        Raises TemporaryProviderError when nothing certain can be said.
        """
        ...

    def holdings(self) -> tuple[Holding, ...] | None:
        """Return what the cloud holds for pods of this cluster, without asking it; None while that is not known.

        The kubelet compares it with the pods that exist and calls `remove` for what has none.
        """
        ...

    def changes(self) -> AsyncIterator[PodKey]:
        """Yield pods whose observed state moved: the kubelet queues them again. One consumer."""
        ...

    def node_facts(self, bound: Sequence[Pod] | None = None) -> NodeFacts:
        """Return what is known of the node now, without asking the cloud.

        `bound` are the pods bound to the node; None while they are not known.
        """
        ...


@runtime_checkable
class Remembering(Protocol):
    """What a provider may be as well: one whose memory stands on the Node (`NodeFacts.annotations`)."""

    def recall(self, annotations: Mapping[str, str]) -> None:
        """Take back what an earlier process left; called once, before anything is asked of the provider.

        Anybody who may change nodes can have written them: what cannot be read means nothing.
        """
        ...
