"""What the provider says of the node that it plays: capacity, conditions, and its own memory. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from lightkube.resources.core_v1 import Pod

from scvk.kubelet.informer import uid_of
from scvk.kubelet.provider import NodeFacts
from scvk.kubelet.status import is_finished
from scvk.provider.capacity import Replicas, allocatable, capacity
from scvk.provider.contact import Contact
from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.provider.node_conditions import conditions


def node_facts(
    provider_id: str,
    replicas: Replicas,
    in_no_need: int,
    contact: Contact,
    catalogue: GpuCatalogue | None,
    *,
    annotations: Mapping[str, str],
    now: float,
) -> NodeFacts:
    """Return the facts; `in_no_need` as in `capacity`, `now` by the clock of `contact`."""
    return NodeFacts(
        capacity=capacity(replicas, catalogue),
        allocatable=allocatable(replicas, in_no_need, catalogue),
        conditions=conditions(replicas, contact, now),
        provider_id=provider_id,
        annotations=annotations,
    )


def pods_in_no_need(bound: Sequence[Pod], *, with_group: Collection[str], refused: Collection[str]) -> int:
    """Return how many of the pods that the scheduler counts need nothing of the quota any more.

    `with_group` and `refused` are UIDs: of the pods that have a group, and of those that will get none as they are. A
    pod that is being deleted gets none either; one that has finished is not counted by the scheduler.
    """
    return sum(
        uid_of(pod) in with_group
        or uid_of(pod) in refused
        or bool(pod.metadata and pod.metadata.deletionTimestamp is not None)
        for pod in bound
        if not is_finished(pod.status)
    )
