"""Takes a Node away for good, from outside of the agent that plays it: the mark, its pods, and the Node itself.

An agent heeds the mark within its next look (see `leaving`); only then may the Node go, since an agent that knows
nothing of it would make the Node again. Whether there is an agent is told by the node's lease: it renews it every ten
seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from lightkube.resources.coordination_v1 import Lease
from lightkube.resources.core_v1 import Node, Pod

from scvk.kubelet.cluster import Cluster
from scvk.kubelet.cluster_errors import ObjectConflict, ObjectNotFound
from scvk.kubelet.informer import key_of, uid_of
from scvk.kubelet.lease import NODE_LEASE_RENEWAL_S
from scvk.kubelet.leaving import HEEDED, MARK, Leaving
from scvk.kubelet.node import VIRTUAL_KUBELET_LABEL
from scvk.kubelet.rights import NODE_LEASE_NAMESPACE

LOOK_EVERY_S = 1.0
NO_AGENT_AFTER_S = 2.5 * NODE_LEASE_RENEWAL_S
"""A lease that is not renewed for so long belongs to no living agent."""
HEEDS_WITHIN_S = 45.0
"""An agent looks at its Node every ten seconds."""
LONG_DEAD = timedelta(hours=1)
"""Where a lease is that old, nobody needs to watch it: clocks do not differ so much."""


class UninstallationError(Exception):
    """The Node cannot be taken away; the text says why, and what to do."""


class Uninstallation:
    """One Node that shall go. Every step may be repeated."""

    def __init__(self, cluster: Cluster, node: Node, *, now: Callable[[], datetime]) -> None:
        assert node.metadata is not None
        self._cluster = cluster
        self._now = now
        self.name = node.metadata.name or ""
        self._uid = node.metadata.uid or ""

    @classmethod
    async def of(cls, cluster: Cluster, name: str, *, now: Callable[[], datetime]) -> Uninstallation | None:
        """Return the uninstallation of the Node; None where there is no such Node.

        Raises UninstallationError for a node that is no virtual kubelet's, ClusterForbidden where the account may not
        delete it: before anything is changed.
        """
        try:
            node = await cluster.get(Node, name)
        except ObjectNotFound:
            return None
        labels = (node.metadata.labels if node.metadata else None) or {}
        if labels.get(VIRTUAL_KUBELET_LABEL[0]) != VIRTUAL_KUBELET_LABEL[1]:
            raise UninstallationError(f"node {name} is no virtual kubelet's (label type=virtual-kubelet is missing)")
        made = cls(cluster, node, now=now)
        await cluster.delete(Node, name, uid=made._uid, dry_run=True)
        return made

    async def mark(self, how: Leaving) -> None:
        """Mark and cordon the Node."""
        # Heeded by whom: an agent that lives says so again, one that has died does not.
        annotations = {MARK: how.value, HEEDED: None}
        patch = {"metadata": {"uid": self._uid, "annotations": annotations}, "spec": {"unschedulable": True}}
        await self._cluster.patch(Node, self.name, patch)

    async def is_heeded(self, how: Leaving) -> bool:
        """Wait until an agent heeds the mark; return False where no agent plays the node.

        Raises UninstallationError when an agent lives and does not heed it.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        first = await self._renewed()
        alive = False
        while True:
            if await self._heeded() == how.value:
                return True
            renewed = await self._renewed()
            alive = alive or renewed != first
            waited = loop.time() - began
            long_dead = renewed is None or self._now() - renewed > LONG_DEAD
            if not alive and (long_dead or waited >= NO_AGENT_AFTER_S):
                return False
            if waited >= HEEDS_WITHIN_S:
                raise UninstallationError(
                    f"an agent plays node {self.name} and does not heed the mark {MARK}: stop it, then try again"
                )
            await asyncio.sleep(LOOK_EVERY_S)

    async def heeded_by_new_agent(self, how: Leaving) -> None:
        """Wait until an agent that is just being started heeds the mark."""
        while True:
            if await self._heeded() == how.value:
                return
            await asyncio.sleep(LOOK_EVERY_S)

    async def pods(self) -> tuple[Pod, ...]:
        """Return the pods that are bound to the Node. Raises UninstallationError where one of them cannot be read."""
        found = await self._cluster.list(Pod, field_selector=f"spec.nodeName={self.name}")
        if found.unreadable:
            names = ", ".join(f"{namespace}/{name}" for namespace, name in found.unreadable)
            raise UninstallationError(f"pods of node {self.name} cannot be read: {names}")
        return found.items

    async def delete_pods(self) -> frozenset[str]:
        """Ask for the deletion of all pods of the Node; return their UIDs."""
        pods = await self.pods()
        for pod in pods:
            assert pod.metadata is not None
            if pod.metadata.deletionTimestamp is None:
                key = key_of(pod)
                try:
                    await self._cluster.delete(Pod, key.name, namespace=key.namespace, uid=uid_of(pod))
                except (ObjectNotFound, ObjectConflict):
                    continue  # gone already, or replaced by another of its name, which makes no group
        return frozenset(uid_of(pod) for pod in pods)

    async def remaining(self, uids: frozenset[str]) -> tuple[Pod, ...]:
        """Return those of the pods that are still there."""
        return tuple(pod for pod in await self.pods() if uid_of(pod) in uids)

    async def delete_node(self) -> None:
        """Delete the Node; one that is gone already, or was replaced, is nobody's to delete."""
        try:
            await self._cluster.delete(Node, self.name, uid=self._uid)
        except ObjectNotFound:
            return

    async def _heeded(self) -> str | None:
        try:
            node = await self._cluster.get(Node, self.name)
        except ObjectNotFound:
            raise UninstallationError(f"node {self.name} was deleted by somebody else meanwhile") from None
        assert node.metadata is not None
        return (node.metadata.annotations or {}).get(HEEDED)

    async def _renewed(self) -> datetime | None:
        try:
            lease = await self._cluster.get(Lease, self.name, namespace=NODE_LEASE_NAMESPACE)
        except ObjectNotFound:
            return None
        return lease.spec.renewTime if lease.spec else None
