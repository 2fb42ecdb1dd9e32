"""The Node object: what it must look like (pure), and the loop that keeps it so.

A node that somebody deletes is made again; labels and taints of other people are left alone; heartbeats go on
whatever the cloud does, since pods must not be evicted because an API elsewhere is down.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import structlog
from lightkube.models.core_v1 import NodeCondition
from lightkube.resources.core_v1 import Node

from scvk.kubelet.cluster import STRATEGIC_MERGE, Cluster
from scvk.kubelet.cluster_errors import ObjectConflict, ObjectNotFound
from scvk.kubelet.provider import NodeFacts
from scvk.kubelet.status import whole_seconds

CHECK_EVERY_S = 10.0
HEARTBEAT_EVERY_S = 60.0
"""How often conditions are written though nothing changed; a real kubelet does so every 5 minutes at least."""

CONFLICT_TRIES = 5

VIRTUAL_KUBELET_LABEL = ("type", "virtual-kubelet")

log = structlog.get_logger(__name__)


class NodeTaken(Exception):
    """A Node of our name exists that is no virtual kubelet's: taking it over would take a machine from its pods."""


@dataclass(frozen=True, slots=True)
class Taint:
    """A taint; `effect` is NoSchedule, PreferNoSchedule or NoExecute."""

    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        """Return the form of `kubectl taint`."""
        return f"{self.key}={self.value}:{self.effect}"


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """What the operator chose for the node; `address` is an IP, `version` the VERSION column of `kubectl get nodes`.

    `port` is that of the kubelet's API, 0 where there is none; `features` what the node declares, sorted.
    """

    name: str
    address: str
    version: str
    taints: tuple[Taint, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    features: tuple[str, ...] = ()


def kubelet_version(server_version: str, program: str) -> str:
    """Return the node's VERSION: the API server's release with `program` behind it, such as `v1.37.2-scvk-0.1.0`.

    Tools compare a node's release with the API server's (version skew); a kubelet elsewhere is never older or newer
    than its cluster. A server version that cannot be read gives `v0.0.0`.
    """
    release = re.match(r"v\d+\.\d+\.\d+", server_version)
    return f"{release.group() if release else 'v0.0.0'}-{program}"


def node_labels(identity: NodeIdentity, facts: NodeFacts) -> dict[str, str]:
    """Return all labels that the node must have."""
    return {
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        # Their names of before 2019: kubelets still have them, and manifests still ask for them.
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": "amd64",
        "kubernetes.io/role": "agent",
        "node.kubernetes.io/exclude-from-external-load-balancers": "true",
        **facts.labels,
        **identity.labels,
        # Not to be chosen: by these the node is found again, by us at the next start and by the scheduler.
        "kubernetes.io/hostname": identity.name,
        VIRTUAL_KUBELET_LABEL[0]: VIRTUAL_KUBELET_LABEL[1],
    }


def new_node(identity: NodeIdentity, facts: NodeFacts) -> dict[str, Any]:
    """Return the Node to create; its status is written afterwards."""
    spec: dict[str, Any] = {"taints": [_taint(taint) for taint in identity.taints]}
    if facts.provider_id:
        spec["providerID"] = facts.provider_id
    return {"metadata": {"name": identity.name, "labels": node_labels(identity, facts)}, "spec": spec}


def node_patch(node: Node, identity: NodeIdentity, facts: NodeFacts) -> dict[str, Any] | None:
    """Return the merge patch that gives an existing node our labels and taints; None if it has them.

    Taints of others (`node.kubernetes.io/unreachable` and its kin among them) stay as they are: a merge patch replaces
    the list, so `metadata.resourceVersion` goes along as a precondition.
    """
    assert node.metadata is not None
    labels = {
        key: value
        for key, value in node_labels(identity, facts).items()
        if (node.metadata.labels or {}).get(key) != value
    }
    present = list((node.spec.taints if node.spec else None) or [])
    missing = [
        taint
        for taint in identity.taints
        if not any((t.key, t.value or "", t.effect) == (taint.key, taint.value, taint.effect) for t in present)
    ]
    patch: dict[str, Any] = {}
    if labels:
        patch["metadata"] = {"labels": labels}
    if missing:
        replaced = {(taint.key, taint.effect) for taint in missing}
        kept = [msgspec.to_builtins(t) for t in present if (t.key, t.effect) not in replaced]
        patch["spec"] = {"taints": kept + [_taint(taint) for taint in missing]}
        patch.setdefault("metadata", {})["resourceVersion"] = node.metadata.resourceVersion
    return patch or None


def node_conditions(facts: NodeFacts, before: Sequence[NodeCondition], now: datetime) -> list[dict[str, Any]]:
    """Return the conditions with `now` as heartbeat; transition times are kept where the status is the same."""
    wanted = {
        "Ready": ("True", "KubeletReady", "virtual kubelet is posting ready status"),
        "MemoryPressure": (
            "False",
            "KubeletHasSufficientMemory",
            "no memory of this machine is used by pods",
        ),
        "DiskPressure": ("False", "KubeletHasNoDiskPressure", "no disk of this machine is used by pods"),
        "PIDPressure": ("False", "KubeletHasSufficientPID", "no processes of this machine are used by pods"),
        "NetworkUnavailable": ("False", "RouteCreated", "pods run elsewhere; this node needs no routes"),
    }
    for extra in facts.conditions:
        wanted[extra.type] = (extra.status, extra.reason or "", extra.message or "")
    known = {condition.type: condition for condition in before}
    stamp = msgspec.to_builtins(whole_seconds(now))
    conditions = []
    for kind, (status, reason, message) in wanted.items():
        old = known.get(kind)
        unchanged = old is not None and old.status == status and old.lastTransitionTime is not None
        conditions.append(
            {
                "type": kind,
                "status": status,
                "reason": reason,
                "message": message,
                "lastHeartbeatTime": stamp,
                "lastTransitionTime": msgspec.to_builtins(whole_seconds(old.lastTransitionTime))
                if old is not None and unchanged and old.lastTransitionTime is not None
                else stamp,
            }
        )
    return conditions


def node_status(
    node: Node, identity: NodeIdentity, facts: NodeFacts, now: datetime, *, dropped: Iterable[str] = ()
) -> dict[str, Any]:
    """Return the strategic merge patch for `nodes/status`. `dropped` are resources that we said earlier and no more."""
    before = (node.status.conditions if node.status else None) or []
    capacity = {**dict.fromkeys(dropped), **facts.capacity}
    return {
        "status": {
            "capacity": capacity,
            "allocatable": capacity,
            "conditions": node_conditions(facts, before, now),
            "addresses": [
                {"$patch": "replace"},
                {"type": "InternalIP", "address": identity.address},
                {"type": "Hostname", "address": identity.name},
            ],
            **({"daemonEndpoints": {"kubeletEndpoint": {"Port": identity.port}}} if identity.port else {}),
            **({"declaredFeatures": list(identity.features)} if identity.features else {}),
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": "",
                "containerRuntimeVersion": "saladcloud://",
                "kernelVersion": "",
                "kubeProxyVersion": "",
                "kubeletVersion": identity.version,
                "machineID": "",
                "operatingSystem": "linux",
                "osImage": "",
                "systemUUID": "",
            },
        }
    }


def _taint(taint: Taint) -> dict[str, str]:
    return {"key": taint.key, "value": taint.value, "effect": taint.effect}


class NodeKeeper:
    """Registers the node and keeps it registered."""

    def __init__(
        self,
        cluster: Cluster,
        identity: NodeIdentity,
        facts: Callable[[], NodeFacts],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._identity = identity
        self._facts = facts
        self._now = now
        self._written: tuple[Any, ...] | None = None
        self._resources: frozenset[str] = frozenset()
        self._last_heartbeat = float("-inf")
        self.uid = ""
        """UID of the Node object, for the lease's owner reference; empty before `register`."""

    async def register(self) -> None:
        """Create or adopt the Node and write its status once.

        Raises NodeTaken when the name belongs to a node that is not a virtual kubelet, ClusterError otherwise.
        """
        await self._look()

    async def run(self) -> None:
        """Look every CHECK_EVERY_S seconds; make the node again if it is gone; until cancelled.

        Raises NodeTaken when another node, that is not a virtual kubelet, took the name meanwhile.
        """
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            try:
                await self.check()
            except NodeTaken:
                raise
            except Exception as error:  # noqa: BLE001 - a look can be repeated; the agent must not end with it
                log.warning("the node could not be checked; trying again", error=f"{type(error).__name__}: {error}")

    async def check(self) -> None:
        """Do one look."""
        await self._look()

    async def _look(self) -> None:
        for tries_left in reversed(range(CONFLICT_TRIES)):
            try:
                node = await self._cluster.get(Node, self._identity.name)
            except ObjectNotFound:
                if self.uid:
                    log.warning("the node object was deleted; making it again", node=self._identity.name)
                node = await self._create()
            self._refuse_foreign(node)
            try:
                await self._bring_up_to_date(node)
            except ObjectConflict:
                # The node lifecycle controller changes taints too, above all of a node that just came back.
                if not tries_left:
                    raise
            else:
                return

    def _refuse_foreign(self, node: Node) -> None:
        assert node.metadata is not None
        is_virtual = (node.metadata.labels or {}).get(VIRTUAL_KUBELET_LABEL[0]) == VIRTUAL_KUBELET_LABEL[1]
        if not is_virtual and (not self.uid or node.metadata.uid != self.uid):
            raise NodeTaken(
                f"node {self._identity.name} exists and is no virtual kubelet (label type=virtual-kubelet is missing); "
                "choose another --nodename, or delete that Node if it is a left-over"
            )

    async def _create(self) -> Node:
        self._written = None
        try:
            return await self._cluster.create(Node, new_node(self._identity, self._facts()))
        except ObjectConflict:
            return await self._cluster.get(Node, self._identity.name)

    async def _bring_up_to_date(self, node: Node) -> None:
        facts = self._facts()
        patch = node_patch(node, self._identity, facts)
        if patch:
            node = await self._cluster.patch(Node, self._identity.name, patch)
        uid = (node.metadata.uid if node.metadata else None) or ""
        content = (
            uid,
            dict(facts.capacity),
            tuple((c.type, c.status, c.reason, c.message) for c in facts.conditions),
        )
        clock = asyncio.get_running_loop().time()
        ready = next(
            (c.status for c in (node.status.conditions if node.status else None) or [] if c.type == "Ready"),
            "",
        )
        if content != self._written or ready != "True" or clock - self._last_heartbeat >= HEARTBEAT_EVERY_S:
            await self._cluster.patch(
                Node,
                self._identity.name,
                node_status(
                    node, self._identity, facts, self._now(), dropped=sorted(self._resources - facts.capacity.keys())
                ),
                subresource="status",
                content_type=STRATEGIC_MERGE,
            )
            self._written, self._last_heartbeat = content, clock
            self._resources = frozenset(facts.capacity)
        self.uid = uid
