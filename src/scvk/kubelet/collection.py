"""Collects what the cloud still holds for pods that no longer exist: machines that nobody would ever stop.

A holding is given up only if all of this is true twice, some time apart: no pod of this node has its UID, the API
server itself says that the pod is gone (404, or another UID under the name; anything else is unknown), and its node is
this one or a Node object that is gone.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Node, Pod

from scvk.kubelet.cluster import Cluster
from scvk.kubelet.cluster_errors import ClusterError, ObjectNotFound
from scvk.kubelet.provider import Holding, Provider, TemporaryProviderError

PASS_EVERY_S = 30.0

log = structlog.get_logger(__name__)


class _KnownPods(Protocol):
    def __call__(self) -> frozenset[str]: ...


class Collector:
    """Runs a pass every PASS_EVERY_S seconds; a holding goes in the second pass that finds it orphaned."""

    def __init__(
        self,
        cluster: Cluster,
        provider: Provider,
        node: str,
        *,
        known_uids: _KnownPods,
        may_act: asyncio.Event,
    ) -> None:
        self._cluster = cluster
        self._provider = provider
        self._node = node
        self._known_uids = known_uids
        self._may_act = may_act
        self._suspects: set[Holding] = set()

    async def run(self) -> None:
        """Collect until cancelled."""
        while True:
            await asyncio.sleep(PASS_EVERY_S)
            await self._may_act.wait()
            try:
                await self.run_once()
            except Exception as error:  # noqa: BLE001 - a pass can be repeated; what runs must not end with it
                log.warning("collecting failed; trying again", error=f"{type(error).__name__}: {error}")

    async def run_once(self) -> tuple[Holding, ...]:
        """Do one pass; return what was given up in it."""
        holdings = self._provider.holdings()
        if holdings is None:
            return ()
        nodes: dict[str, bool] = {}
        known = self._known_uids()
        orphans = {each for each in holdings if each.pod.uid not in known and await self._is_orphan(each, nodes)}
        removed = []
        for holding in sorted(orphans & self._suspects, key=lambda h: (h.pod.key, h.pod.uid)):
            log.warning(
                "removing what was left of a pod that no longer exists",
                pod=str(holding.pod.key),
                uid=holding.pod.uid,
                node=holding.node,
            )
            try:
                await self._provider.remove(holding.pod, {})
                removed.append(holding)
            except TemporaryProviderError as error:
                log.warning("could not be removed now; trying again", pod=str(holding.pod.key), error=str(error))
        self._suspects = orphans
        return tuple(removed)

    async def _is_orphan(self, holding: Holding, nodes: dict[str, bool]) -> bool:
        """Say whether all conditions hold now; `nodes` remembers through one pass which nodes are gone."""
        if holding.pod.uid in self._known_uids():
            return False
        try:
            if holding.node != self._node:
                if holding.node not in nodes:
                    nodes[holding.node] = await self._node_is_gone(holding.node)
                if not nodes[holding.node]:
                    return False
            return await self._pod_is_gone(holding)
        except ClusterError as error:
            log.info("whether a pod exists could not be learned", pod=str(holding.pod.key), error=str(error))
            return False

    async def _pod_is_gone(self, holding: Holding) -> bool:
        key = holding.pod.key
        try:
            pod = await self._cluster.get(Pod, key.name, namespace=key.namespace)
        except ObjectNotFound:
            return True
        return _uid(pod.metadata) not in ("", holding.pod.uid)

    async def _node_is_gone(self, node: str) -> bool:
        try:
            await self._cluster.get(Node, node)
        except ObjectNotFound:
            return True
        return False


def _uid(metadata: ObjectMeta | None) -> str:
    return (metadata.uid if metadata else None) or ""
