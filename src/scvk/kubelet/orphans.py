"""Whether what the cloud holds for a pod has lost it: what was learned of pod and node, and what follows from that.

A holding is orphaned only if no pod of this node has its UID, its node is this one or a Node object that is gone, and
the API server itself says that the pod is gone: 404, or another UID under the name. Anything else is unknown, and
unknown is not absent. One pass alone gives nothing up: see `confirmed`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Node, Pod

from scvk.kubelet.cluster import Cluster
from scvk.kubelet.cluster_errors import ClusterError, ObjectNotFound
from scvk.kubelet.provider import Holding


class Verdict(Enum):
    """What is to become of a holding."""

    KEPT = "kept"
    ORPHANED = "orphaned"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and the reason for it, in words for people."""

    holding: Holding
    verdict: Verdict
    reason: str


class Judge:
    """Judges holdings for the agent of `node`, by direct reads of the API server: a node and a pod for each at most."""

    def __init__(self, cluster: Cluster, node: str, known_uids: Callable[[], frozenset[str]]) -> None:
        self._cluster = cluster
        self._node = node
        self._known_uids = known_uids

    async def judge(self, holdings: Iterable[Holding]) -> tuple[Judgement, ...]:
        """Do one pass. Each foreign node is asked for once in it, pods only where that matters. Raises nothing."""
        nodes: dict[str, Judgement | None] = {}
        return tuple([await self._judge(holding, nodes) for holding in holdings])

    async def _judge(self, holding: Holding, nodes: dict[str, Judgement | None]) -> Judgement:
        if holding.pod.uid in self._known_uids():
            return Judgement(holding, Verdict.KEPT, "its pod exists")
        if holding.node != self._node:
            if holding.node not in nodes:
                nodes[holding.node] = await self._objection_of_node(holding)
            if (objection := nodes[holding.node]) is not None:
                return replace(objection, holding=holding)
        return await self._judge_pod(holding)

    async def _objection_of_node(self, holding: Holding) -> Judgement | None:
        """Return why the holding is not for us to judge; None where its node is gone."""
        try:
            await self._cluster.get(Node, holding.node)
        except ObjectNotFound:
            return None
        except ClusterError as error:
            return Judgement(holding, Verdict.UNKNOWN, f"whether node {holding.node} exists was not learned: {error}")
        return Judgement(holding, Verdict.KEPT, f"node {holding.node} exists: its own agent decides")

    async def _judge_pod(self, holding: Holding) -> Judgement:
        key = holding.pod.key
        try:
            pod = await self._cluster.get(Pod, key.name, namespace=key.namespace)
        except ObjectNotFound:
            return Judgement(holding, Verdict.ORPHANED, "its pod is gone")
        except ClusterError as error:
            return Judgement(holding, Verdict.UNKNOWN, f"whether pod {key} exists was not learned: {error}")
        match _uid(pod.metadata):
            case holding.pod.uid:
                return Judgement(holding, Verdict.KEPT, "its pod exists")
            case "":
                return Judgement(holding, Verdict.UNKNOWN, f"the API server did not tell the UID of pod {key}")
            case _:
                return Judgement(holding, Verdict.ORPHANED, "its pod is gone; another has its name now")


def confirmed(now: Judgement, before: Mapping[Holding, Judgement]) -> Judgement:
    """Return the judgement of two passes: orphaned only where both say so, unknown where only the second does."""
    if now.verdict is not Verdict.ORPHANED:
        return now
    earlier = before.get(now.holding)
    if earlier is not None and earlier.verdict is Verdict.ORPHANED:
        return now
    return Judgement(now.holding, Verdict.UNKNOWN, f"{now.reason}, which an earlier pass did not find")


def _uid(metadata: ObjectMeta | None) -> str:
    return (metadata.uid if metadata else None) or ""
