"""Keeps the Node object as it must be: made, marked, told of, and made again when somebody deletes it.

Heartbeats go on whatever the cloud does, since pods must not be evicted because an API elsewhere is down. A Node that
carries the mark of an uninstallation is not made again: see `leaving`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog
from lightkube.resources.core_v1 import Node

from scvk.kubelet.cluster import STRATEGIC_MERGE, Cluster
from scvk.kubelet.cluster_errors import ClusterError, ObjectConflict, ObjectNotFound
from scvk.kubelet.leaving import Departure, leaving_of, leaving_patch
from scvk.kubelet.node import VIRTUAL_KUBELET_LABEL, NodeIdentity, new_node, node_patch
from scvk.kubelet.node_status import condition_status, node_status, wanted_status
from scvk.kubelet.provider import NodeFacts

CHECK_EVERY_S = 10.0
CHECK_WHILE_LEAVING_S = 2.0
HEARTBEAT_EVERY_S = 60.0
"""How often conditions are written though nothing changed; a real kubelet does so every 5 minutes at least."""
MEMORY_EVERY_S = 60.0
"""How often the provider's annotations are written, which move with every look at the cloud."""

CONFLICT_TRIES = 5

log = structlog.get_logger(__name__)


class NodeTaken(Exception):
    """A Node of our name exists that is no virtual kubelet's: taking it over would take a machine from its pods."""


class NodeLeft(Exception):
    """The Node was deleted by an uninstallation: there is nothing more to do."""


class NodeKeeper:
    """Registers the node and keeps it registered.

    `departure` is told what mark the Node carries, before the Node says that it is heeded.
    """

    def __init__(
        self,
        cluster: Cluster,
        identity: NodeIdentity,
        facts: Callable[[], NodeFacts],
        *,
        departure: Departure | None = None,
        now: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._identity = identity
        self._facts = facts
        self._departure = departure or Departure(_always())
        self._now = now
        self._written: tuple[Any, ...] | None = None
        self._resources: frozenset[str] = frozenset()
        self._last_heartbeat = float("-inf")
        self._last_memory = float("-inf")
        self.uid = ""
        """UID of the Node object, for the lease's owner reference; empty before `register`."""

    async def before(self) -> Mapping[str, str]:
        """Return the annotations of the Node as an earlier agent left it, and learn its mark; changes nothing.

        Raises NodeTaken when the name belongs to a node that is not a virtual kubelet, ClusterError when there is no
        answer.
        """
        try:
            node = await self._cluster.get(Node, self._identity.name)
        except ObjectNotFound:
            return {}
        self._refuse_foreign(node)
        self._departure.learn(leaving_of(node))
        assert node.metadata is not None
        return node.metadata.annotations or {}

    async def register(self) -> None:
        """Create or adopt the Node and write its status once.

        Raises NodeTaken when the name belongs to a node that is not a virtual kubelet, NodeLeft when it was being
        uninstalled and is gone, ClusterError otherwise.
        """
        await self.check()

    async def run(self) -> None:
        """Look every CHECK_EVERY_S seconds; make the node again if it is gone; until cancelled.

        Raises NodeLeft when the Node went while it carried the mark of an uninstallation, and NodeTaken when another
        node, that is not a virtual kubelet, took the name meanwhile.
        """
        while True:
            await asyncio.sleep(CHECK_EVERY_S if self._departure.how is None else CHECK_WHILE_LEAVING_S)
            try:
                await self.check()
            except (NodeTaken, NodeLeft):
                raise
            except Exception as error:  # noqa: BLE001 - a look can be repeated; the agent must not end with it
                log.warning("the node could not be checked; trying again", error=f"{type(error).__name__}: {error}")

    async def check(self) -> None:
        """Do one look."""
        for tries_left in reversed(range(CONFLICT_TRIES)):
            try:
                node = await self._cluster.get(Node, self._identity.name)
            except ObjectNotFound:
                node = await self._make_again()
            self._refuse_foreign(node)
            self._learn_mark(node)
            try:
                await self._bring_up_to_date(node)
            except (ObjectConflict, ObjectNotFound):
                # The node lifecycle controller changes taints too, above all of a node that just came back; and
                # somebody may delete the Node between two requests.
                if not tries_left:
                    raise
            else:
                return

    async def last_words(self) -> None:
        """Write what the provider wants remembered, at a clean stop; a failure only loses a minute of it."""
        annotations = self._facts().annotations
        if not self.uid or not annotations:
            return
        try:
            await self._write_memory(self.uid, annotations)
        except ClusterError as error:
            log.info("the last memory could not be written to the node", error=str(error))

    def _refuse_foreign(self, node: Node) -> None:
        assert node.metadata is not None
        is_virtual = (node.metadata.labels or {}).get(VIRTUAL_KUBELET_LABEL[0]) == VIRTUAL_KUBELET_LABEL[1]
        if not is_virtual and (not self.uid or node.metadata.uid != self.uid):
            raise NodeTaken(
                f"node {self._identity.name} exists and is no virtual kubelet (label type=virtual-kubelet is missing); "
                "choose another --nodename, or delete that Node if it is a left-over"
            )

    def _learn_mark(self, node: Node) -> None:
        how = leaving_of(node)
        if how is not self._departure.how:
            if how is None:
                log.info("the node is no longer being uninstalled", node=self._identity.name)
            else:
                log.info("the node is being uninstalled; nothing new is started on it", pods=str(how))
        self._departure.learn(how)

    async def _make_again(self) -> Node:
        if self._departure.how is not None:
            raise NodeLeft(f"node {self._identity.name} was uninstalled")
        if self.uid:
            log.warning("the node object was deleted; making it again", node=self._identity.name)
        self._written = None
        try:
            return await self._cluster.create(Node, new_node(self._identity, self._facts()))
        except ObjectConflict:
            return await self._cluster.get(Node, self._identity.name)

    async def _bring_up_to_date(self, node: Node) -> None:
        facts = self._facts()
        for patch in (leaving_patch(node), node_patch(node, self._identity, facts)):
            if patch:
                node = await self._cluster.patch(Node, self._identity.name, patch)
        await self._write_status(node, facts)
        assert node.metadata is not None
        self.uid = node.metadata.uid or ""
        known = node.metadata.annotations or {}
        moved = {name: value for name, value in facts.annotations.items() if known.get(name) != value}
        clock = asyncio.get_running_loop().time()
        if moved and clock - self._last_memory >= MEMORY_EVERY_S:
            await self._write_memory(self.uid, moved)
            self._last_memory = clock

    async def _write_status(self, node: Node, facts: NodeFacts) -> None:
        status = node_status(node, self._identity, facts, self._now(), dropped=self._resources)
        content = (
            node.metadata.uid if node.metadata else "",
            dict(facts.capacity),
            dict(facts.can_be_given),
            tuple((c.type, c.status, c.reason, c.message) for c in facts.conditions),
        )
        clock = asyncio.get_running_loop().time()
        # The node lifecycle controller writes Ready too, when it has not heard of us.
        overruled = condition_status(node, "Ready") != wanted_status(facts, "Ready")
        if content != self._written or overruled or clock - self._last_heartbeat >= HEARTBEAT_EVERY_S:
            await self._cluster.patch(
                Node, self._identity.name, status, subresource="status", content_type=STRATEGIC_MERGE
            )
            self._written, self._last_heartbeat = content, clock
            self._resources = frozenset((*facts.capacity, *facts.can_be_given))

    async def _write_memory(self, uid: str, annotations: Mapping[str, str]) -> None:
        # With the UID: a Node of the same name that somebody made meanwhile is not to be told.
        patch = {"metadata": {"uid": uid, "annotations": dict(annotations)}}
        await self._cluster.patch(Node, self._identity.name, patch)


def _always() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event
