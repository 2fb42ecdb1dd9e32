"""Whose a container group is, also where the Go program made it: those are ours once a pod of this node claims them.

Groups of the Go program say neither which cluster nor which node they belong to. A live pod of this node does: where
its UID stands in the group's metadata, both are known. So such a group is ours only while a pod claims it, and the
claim is made anew from the pod after a restart:

    the pod's record names the group                  claimed, also without --adopt-legacy: it was adopted once
    --adopt-legacy, no record, or its group is gone   claimed, where the group is what would have been made of the pod
    --adopt-legacy, the pod is being removed          claimed: its group goes with it

INVARIANT: whatever claims a group, its own metadata must name the claiming pod, by UID. A record, which users can
edit, gives no right to a group that names another pod. Without a pod nothing is claimed, so a group whose pod was gone
before anybody looked is nobody's: its UID may live in another cluster.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lightkube.resources.core_v1 import Pod

from scvk.kubelet.informer import identity_of, key_of
from scvk.kubelet.provider import Holding, PodEvent, PodIdentity, PodKey
from scvk.provider.cloud_view import Absent, Lookup, Present
from scvk.provider.legacy import legacy_pod, objection
from scvk.provider.ownership import (
    LEGACY_ATTEMPT,
    NotOurs,
    Owned,
    Ownership,
    PodMark,
    Unknown,
    legacy_name,
    mark_of,
)
from scvk.provider.pod_status import has_run
from scvk.provider.record import Record
from scvk.saladcloud.models import ContainerGroup


@dataclass(frozen=True, slots=True)
class GroupCounts:
    """The groups of the project by owner, as last listed.

    `adopted` (made by the Go program, claimed by a pod) is a part of `owned`. `foreign` groups are never touched, nor
    are those of `unknown` owner, whose environment no answer shows.
    """

    owned: int = 0
    adopted: int = 0
    foreign: int = 0
    unknown: int = 0


def holding_of(mark: PodMark) -> Holding:
    """Return what a group with this mark is to the kubelet."""
    return Holding(PodIdentity(PodKey(mark.namespace, mark.name), mark.uid), mark.node)


class Owners:
    """Says whose a group is. `adopts`: option --adopt-legacy."""

    def __init__(self, *, cluster_id: str, node: str, adopts: bool = False) -> None:
        self.cluster_id = cluster_id
        self.adopts = adopts
        self._node = node
        self._claims: dict[str, PodMark] = {}
        """UID of a pod → the mark under which the Go program's group would be its own."""

    def owner_of(self, group: ContainerGroup) -> Ownership:
        """Say whose this group is."""
        owner = mark_of(group, cluster_id=self.cluster_id)
        if not isinstance(owner, NotOurs) or not self._claims:
            return owner
        pod = legacy_pod(group)
        claim = self._claims.get(pod.uid) if pod is not None else None
        if pod is None or claim is None or (claim.namespace, claim.name) != (pod.key.namespace, pod.key.name):
            return owner
        return Owned(claim)

    def count(self, groups: Iterable[ContainerGroup]) -> GroupCounts:
        """Count groups by their owner."""
        owners = [self.owner_of(group) for group in groups]
        return GroupCounts(
            owned=sum(isinstance(owner, Owned) for owner in owners),
            adopted=sum(isinstance(owner, Owned) and owner.mark.attempt == LEGACY_ATTEMPT for owner in owners),
            foreign=sum(isinstance(owner, NotOurs) for owner in owners),
            unknown=sum(isinstance(owner, Unknown) for owner in owners),
        )

    def consider(self, pod: Pod, record: Record | None, *, own: Lookup, legacy: Lookup) -> None:
        """Claim the Go program's group for a pod that should run, where that is right.

        `own` is what is known of the group of the pod's record, `legacy` of the Go program's name.
        """
        if record is not None and record.attempt == LEGACY_ATTEMPT:
            self.claim(identity_of(pod))
        elif self.adopts and _names(legacy, pod) and (record is None or isinstance(own, Absent)):
            assert isinstance(legacy, Present)
            if objection(pod, legacy.group) is None:
                self.claim(identity_of(pod))

    def told(self, pod: Pod, legacy: Lookup, *, adopted: bool) -> tuple[PodEvent, ...]:
        """Return what to tell of the Go program's group that names the pod, once its record is decided."""
        if not self.adopts or not _names(legacy, pod):
            return ()
        assert isinstance(legacy, Present)
        name = legacy.group.name
        if adopted:
            return (PodEvent("Adopted", f"Container group {name} of the Go program is taken over as it runs"),)
        reason = objection(pod, legacy.group) or "the pod has a group of its own already"
        return (
            PodEvent(
                "NotAdopted",
                f"Container group {name} names this pod and is left alone, because {reason}. It may still cost money: "
                "delete it in SaladCloud if it is not wanted",
                warning=True,
            ),
        )

    def claim(self, pod: PodIdentity) -> None:
        """Take the Go program's group that names this pod, if there is one, for the pod's own."""
        mark = PodMark(self.cluster_id, pod.key.namespace, pod.key.name, pod.uid, LEGACY_ATTEMPT, self._node)
        self._claims[pod.uid] = mark

    def release(self, uid: str) -> None:
        """Forget what a pod claims of which nothing is left."""
        self._claims.pop(uid, None)

    def claim_of(self, uid: str) -> PodMark | None:
        """Return the mark under which a pod claims the Go program's group; None where it claims none."""
        return self._claims.get(uid)


def _names(legacy: Lookup, pod: Pod) -> bool:
    return isinstance(legacy, Present) and legacy_pod(legacy.group) == identity_of(pod)


def was_run_by_the_go_program(pod: Pod) -> bool:
    """Say whether the pod's status looks like that program's: it named the container after the group."""
    key = key_of(pod)
    entries = (pod.status.containerStatuses if pod.status else None) or []
    return has_run(pod) or any(entry.name == legacy_name(key.namespace, key.name) for entry in entries)
