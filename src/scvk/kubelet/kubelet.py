"""One virtual kubelet: node, leases, pods, events and collection, run and stopped as one.

Constructed without effects; `run` does everything until it is cancelled. A stop disturbs no pod: the leases simply
end, and the next start finds what runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from scvk.kubelet.api.health import SignsOfLife, ailments
from scvk.kubelet.api.server import ApiDoor, KubeletApi
from scvk.kubelet.capabilities import Capabilities
from scvk.kubelet.cluster import Cluster
from scvk.kubelet.cluster_inputs import ClusterInputs
from scvk.kubelet.collection import Collector
from scvk.kubelet.downward import NodeView
from scvk.kubelet.events import EventRecorder, node_subject, pod_subject
from scvk.kubelet.informer import PodInformer, uid_of
from scvk.kubelet.input_changes import InputChanges
from scvk.kubelet.lease import AgentLease, NodeLease
from scvk.kubelet.leaving import Departure, InputsOfStayingNode
from scvk.kubelet.node import NodeIdentity
from scvk.kubelet.node_keeper import NodeKeeper, NodeLeft
from scvk.kubelet.pods import PodController
from scvk.kubelet.provider import NodeFacts, PodEvent, Provider, Remembering

STOP_DEADLINE_S = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AgentIdentity:
    """Who this process is among agents: `holder` is unique to the process, `namespace` is where its lease lives."""

    holder: str
    namespace: str


class Kubelet:
    """Plays one node of a cluster with one provider."""

    def __init__(
        self,
        cluster: Cluster,
        provider: Provider,
        node: NodeIdentity,
        agent: AgentIdentity,
        *,
        service_links: bool = False,
        pods_have_node_ip: bool = False,
        door: ApiDoor | None = None,
        capabilities: Capabilities | None = None,
        now: Callable[[], datetime],
    ) -> None:
        self._node = node
        self._provider = provider
        self._facts: NodeFacts | None = None
        """As last written: to gather them anew for each pod would cost as much as there are pods."""
        self._agent_lease = AgentLease(cluster, node.name, namespace=agent.namespace, identity=agent.holder, now=now)
        departure = Departure(self._agent_lease.held)
        self._keeper = NodeKeeper(cluster, node, self._node_facts, departure=departure, now=now)
        self._node_lease = NodeLease(cluster, node.name, lambda: self._keeper.uid, now=now)
        self._events = EventRecorder(cluster, host=node.name, now=now)
        pod_ip = node.address if pods_have_node_ip else ""
        inputs = ClusterInputs(
            cluster,
            lambda: NodeView(node.name, (node.address,), (self._facts or self._node_facts()).capacity, pod_ip),
            lambda pod, event: self._events.record(pod_subject(pod), event),
            service_links=service_links,
        )
        self.pods = PodController(
            cluster,
            provider,
            InputsOfStayingNode(inputs, departure),
            self._events,
            host_ip=node.address,
            pod_ip=pod_ip or None,
            may_act=departure,
            now=now,
        )
        self._informer = PodInformer(cluster, node.name, self.pods)
        self._input_changes = InputChanges(
            cluster,
            self._informer.pods,
            lambda pod, event: self._events.record(pod_subject(pod), event),
            self._informer.learn,
            may_act=departure,
        )
        self.collector = Collector(
            cluster,
            provider,
            node.name,
            known_uids=lambda: frozenset(uid_of(pod) for pod in self._informer.pods()),
            may_act=departure,
        )
        self._api = None
        self._provider_ails = capabilities.ailment if capabilities is not None else None
        if door is not None:
            can = capabilities or Capabilities()
            self._api = KubeletApi(
                door, cluster, self._informer, can, self.ailment, node=node.name, now=now, tell=self._tell
            )

    def ailment(self) -> str | None:
        """Return why this kubelet is not healthy, a reason a line, or None. Costs nothing."""
        clock = asyncio.get_running_loop().time()
        renewed, failing = self._node_lease.renewed_at, self._informer.failing_since
        found = ailments(
            SignsOfLife(
                pods_listed=self._informer.synced.is_set(),
                watch_fails_s=None if failing is None else clock - failing,
                agent_lease_held=self._agent_lease.held.is_set(),
                node_lease_renewed_s=None if renewed is None else clock - renewed,
                provider=self._provider_ails() if self._provider_ails is not None else None,
            )
        )
        return "\n".join(found) or None

    def _tell(self, event: PodEvent) -> None:
        self._events.record(node_subject(self._node.name), event)

    async def run(self, prepare: Callable[[], Awaitable[None]]) -> None:
        """Run until cancelled, or until the Node goes by an uninstallation.

        `prepare` is awaited once the node is surely ours, before anything is registered.

        Raises AnotherAgent before anything is changed, NodeTaken before the node is, ClusterError when the cluster
        cannot be reached at the start, AgentLeaseLost when another agent took over, and what `prepare` raises: alone
        or in an ExceptionGroup. Later failures of the API are waited out.
        """
        try:
            await self._agent_lease.acquire()
            async with asyncio.TaskGroup() as group:
                # From the first moment: a slow start must not let the lease run out.
                group.create_task(self._agent_lease.run())
                left_behind = await self._keeper.before()
                if isinstance(self._provider, Remembering):
                    self._provider.recall(left_behind)
                await prepare()
                if self._api is not None:
                    group.create_task(self._api.run())
                await self._keeper.register()
                await self._node_lease.renew()
                log.info("node is registered", node=self._node.name)
                group.create_task(self._keeper.run())
                group.create_task(self._node_lease.run())
                group.create_task(self._informer.run())
                group.create_task(self._events.run())
                group.create_task(self.pods.run(self._informer))
                group.create_task(self._collect())
                group.create_task(self._watch_inputs())
        except* NodeLeft:
            log.info("the node was uninstalled; nothing is left to do", node=self._node.name)
        finally:
            # Also when the start was cut short: the request that took the lease may have reached the server.
            await self._stop()

    def _node_facts(self) -> NodeFacts:
        bound = self._informer.pods() if self._informer.synced.is_set() else None
        self._facts = self._provider.node_facts(bound)
        return self._facts

    async def _collect(self) -> None:
        await self._informer.synced.wait()
        await self.collector.run()

    async def _watch_inputs(self) -> None:
        await self._informer.synced.wait()
        await self._input_changes.run()

    async def _stop(self) -> None:
        """Give up the agent lease and write the last events, within a deadline: a stop must not hang."""
        try:
            async with asyncio.timeout(STOP_DEADLINE_S):
                await self._agent_lease.release()
                await self._keeper.last_words()
                await self._events.drain()
        except TimeoutError:
            log.warning("the API server did not answer in time: the agent lease may have to expire, events may be lost")
