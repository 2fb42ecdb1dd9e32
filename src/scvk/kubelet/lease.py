"""Leases: the node's heartbeat, and the one that keeps two agents from playing the same node.

The node lease (`kube-node-lease/<node>`) is what the node lifecycle controller watches: 40 s long, renewed every 10 s
(the kubelet's own numbers). The agent lease (`<node>-agent`) follows the rules of client-go's leader election: a
holder is dead when its renewals have not been *seen to change* for the lease's duration by our own clock, so that
clocks that differ between machines do no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from lightkube.models.coordination_v1 import LeaseSpec
from lightkube.resources.coordination_v1 import Lease

from scvk.kubelet.cluster import Cluster
from scvk.kubelet.cluster_errors import ClusterError, ObjectConflict, ObjectNotFound
from scvk.kubelet.rights import NODE_LEASE_NAMESPACE

NODE_LEASE_DURATION_S = 40
NODE_LEASE_RENEWAL_S = 10.0
AGENT_LEASE_DURATION_S = 15
AGENT_LEASE_RENEWAL_S = 4.0
AGENT_LEASE_PAUSE_S = 11.0
"""An agent that could not renew for so long must stop acting: soon another may rightly start."""

LOOK_EVERY_S = 1.0

log = structlog.get_logger(__name__)


class AnotherAgent(Exception):
    """Another agent holds the node and is alive."""


class AgentLeaseLost(Exception):
    """Somebody else took the agent lease: this agent must stop."""


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) if isinstance(error, ClusterError) else f"{type(error).__name__}: {error}"


def _version_of(lease: Lease) -> str:
    assert lease.metadata is not None
    return lease.metadata.resourceVersion or ""


def _stamp(moment: datetime) -> str:
    """Return a MicroTime: RFC 3339 with exactly six digits of fraction."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class NodeLease:
    """Renews the node's lease as long as it runs."""

    def __init__(
        self, cluster: Cluster, node: str, node_uid: Callable[[], str], *, now: Callable[[], datetime]
    ) -> None:
        self._cluster = cluster
        self._node = node
        self._node_uid = node_uid
        self._now = now
        self._version: str | None = None
        """Of the lease as our last write left it: what is nobody else's need not be read before each renewal."""
        self.renewed_at: float | None = None
        """When the last renewal was asked for that succeeded, by the loop's clock."""

    async def run(self) -> None:
        """Renew until cancelled; failures are tried again soon, since 50 s of silence make the node Unknown."""
        while True:
            try:
                await self.renew()
                await asyncio.sleep(NODE_LEASE_RENEWAL_S)
            except Exception as error:  # noqa: BLE001 - whatever it is, 50 s of silence evict the node's pods
                log.warning("the node lease could not be renewed; trying again", error=_words(error))
                await asyncio.sleep(1.0)

    async def renew(self) -> None:
        """Renew once, making the lease where it is missing or was deleted. Costs one request where nobody meddled."""
        asked = asyncio.get_running_loop().time()
        await self._renew()
        self.renewed_at = asked

    async def _renew(self) -> None:
        version, self._version = self._version, None
        try:
            if version is not None:
                return await self._write(version)
        except (ObjectConflict, ObjectNotFound):
            log.debug("the node lease was changed by somebody else, or by a renewal without an answer")
        try:
            lease = await self._cluster.get(Lease, self._node, namespace=NODE_LEASE_NAMESPACE)
            await self._write(_version_of(lease))
        except ObjectNotFound:
            made = await self._cluster.create(Lease, self._body({}), namespace=NODE_LEASE_NAMESPACE)
            self._version = _version_of(made)

    async def _write(self, version: str) -> None:
        body = self._body({"resourceVersion": version})
        written = await self._cluster.update(Lease, self._node, body, namespace=NODE_LEASE_NAMESPACE)
        self._version = _version_of(written)

    def _body(self, metadata: dict[str, Any]) -> dict[str, Any]:
        owner = {"apiVersion": "v1", "kind": "Node", "name": self._node, "uid": self._node_uid()}
        return {
            "metadata": {
                "name": self._node,
                "namespace": NODE_LEASE_NAMESPACE,
                "ownerReferences": [owner] if owner["uid"] else [],
                **metadata,
            },
            "spec": {
                "holderIdentity": self._node,
                "leaseDurationSeconds": NODE_LEASE_DURATION_S,
                "renewTime": _stamp(self._now()),
            },
        }


class AgentLease:
    """Mutual exclusion of agents for one node."""

    def __init__(
        self,
        cluster: Cluster,
        node: str,
        *,
        namespace: str,
        identity: str,
        now: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._name = f"{node}-agent"
        self._namespace = namespace
        self._identity = identity
        self._now = now
        self._pause: asyncio.TimerHandle | None = None
        self._ours: Lease | None = None
        """The lease as our last write left it: while nobody meddles it need not be read before each renewal."""
        self.held = asyncio.Event()
        """Set while the lease is surely ours; nothing may be changed in the cloud while it is not."""

    async def acquire(self) -> None:
        """Take the lease; wait at most about its duration for a holder that may be dead.

        Raises AnotherAgent when the holder renews in that time, ClusterError when the API server does not answer.
        """
        watched: tuple[str, datetime | None] | None = None
        deadline = 0.0
        loop = asyncio.get_running_loop()
        while True:
            try:
                lease = await self._cluster.get(Lease, self._name, namespace=self._namespace)
            except ObjectNotFound:
                if await self._make():
                    return
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            spec = lease.spec
            holder = (spec.holderIdentity if spec else None) or ""
            seen = (holder, spec.renewTime if spec else None)
            if holder in ("", self._identity):
                if await self._take(lease):
                    return
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            if watched is None:
                duration = (spec.leaseDurationSeconds if spec else None) or AGENT_LEASE_DURATION_S
                watched, deadline = seen, loop.time() + duration
                log.info(
                    "another agent held this node; waiting to see whether it is alive",
                    holder=holder,
                    at_most_s=duration,
                )
            elif seen != watched:
                raise AnotherAgent(
                    f"another agent ({holder}) is alive for this node: its lease {self._namespace}/{self._name} is "
                    "being renewed; stop it first, or give this one another --nodename"
                )
            elif loop.time() >= deadline:
                log.warning("the former agent did not renew its lease; taking over", former=holder)
                if await self._take(lease):
                    return
                watched = None
            await asyncio.sleep(LOOK_EVERY_S)

    async def run(self) -> None:
        """Renew until cancelled. Raises AgentLeaseLost when somebody else has the lease.

        While the API server cannot be reached, `held` is cleared after AGENT_LEASE_PAUSE_S: the agent pauses, and goes
        on when it can renew again, since nobody can have taken over meanwhile without the lease saying so.
        """
        while True:
            await asyncio.sleep(AGENT_LEASE_RENEWAL_S)
            try:
                async with asyncio.timeout(AGENT_LEASE_RENEWAL_S):
                    await self._renew()
            except AgentLeaseLost:
                raise
            except Exception as error:  # noqa: BLE001 - the lease runs out by itself where nothing renews it
                log.warning("the agent lease could not be renewed; trying again", error=_words(error))

    async def release(self) -> None:
        """Give the lease up at a clean stop, so that the next agent need not wait."""
        self._let_go()
        try:
            lease = await self._cluster.get(Lease, self._name, namespace=self._namespace)
            if lease.spec is not None and lease.spec.holderIdentity == self._identity:
                body = self._body(_version_of(lease), lease.spec, holder="")
                await self._cluster.update(Lease, self._name, body, namespace=self._namespace)
        except ClusterError as error:
            log.info("the agent lease was left to expire", error=str(error))

    async def _renew(self) -> None:
        ours, self._ours = self._ours, None
        try:
            if ours is not None and await self._take(ours):
                return
        except ObjectNotFound:
            pass  # somebody deleted it: made again below
        try:
            lease = await self._cluster.get(Lease, self._name, namespace=self._namespace)
        except ObjectNotFound:
            await self._make()
            return
        holder = lease.spec.holderIdentity if lease.spec else None
        if holder != self._identity:
            self._let_go()
            raise AgentLeaseLost(
                f"the agent lease {self._namespace}/{self._name} was taken by {holder or 'nobody'}: "
                "another agent plays this node now"
            )
        await self._take(lease)

    async def _make(self) -> bool:
        asked = asyncio.get_running_loop().time()
        try:
            made = await self._cluster.create(Lease, self._body(None, LeaseSpec()), namespace=self._namespace)
        except ObjectConflict:
            return False
        self._ours = made
        self._hold(asked)
        return True

    async def _take(self, lease: Lease) -> bool:
        asked = asyncio.get_running_loop().time()
        body = self._body(_version_of(lease), lease.spec or LeaseSpec())
        try:
            taken = await self._cluster.update(Lease, self._name, body, namespace=self._namespace)
        except ObjectConflict:
            return False
        self._ours = taken
        self._hold(asked)
        return True

    def _hold(self, asked: float) -> None:
        """Hold the lease until AGENT_LEASE_PAUSE_S after the request that renewed it was sent.

        The moment of the answer would be too late: others count from when the server wrote. A timer ends it, since a
        renewal that hangs says nothing in time.
        """
        loop = asyncio.get_running_loop()
        self._let_go()
        if loop.time() < asked + AGENT_LEASE_PAUSE_S:
            self.held.set()
            self._pause = loop.call_at(asked + AGENT_LEASE_PAUSE_S, self._let_go)

    def _let_go(self) -> None:
        self.held.clear()
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def _body(self, version: str | None, before: LeaseSpec, *, holder: str | None = None) -> dict[str, Any]:
        stamp = _stamp(self._now())
        holder = self._identity if holder is None else holder
        keeps = before.holderIdentity == holder and before.acquireTime is not None
        changes = before.holderIdentity not in (None, "", holder) and holder != ""
        metadata: dict[str, Any] = {"name": self._name, "namespace": self._namespace}
        if version is not None:
            metadata["resourceVersion"] = version
        return {
            "metadata": metadata,
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": AGENT_LEASE_DURATION_S,
                "acquireTime": _stamp(before.acquireTime) if keeps and before.acquireTime else stamp,
                "renewTime": stamp,
                "leaseTransitions": (before.leaseTransitions or 0) + (1 if changes else 0),
            },
        }
