"""A cluster, a simulated SaladCloud and an agent in one process, on one virtual clock, from one seed."""

from __future__ import annotations

import random as global_random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from random import Random
from types import TracebackType
from typing import Any, Self

from scvk.provider.ownership import POD_UID, PodMark, environment, group_name
from scvk.simulator.api.faults import FaultKind
from scvk.simulator.cloud.group import Group
from scvk.simulator.config import ApiKey, SimulatorConfig
from scvk.simulator.service import Simulator
from tests.histories.agent_process import API_KEY, CLUSTER_ID, NODE, ORGANIZATION, PROJECT, AgentProcess
from tests.histories.strict_api import StrictApi
from tests.histories.traffic import Traffic
from tests.histories.virtual_time import LoopClock, wall_clock
from tests.histories.wires import InProcess
from tests.histories.workloads import Workload

_OTHER_CLUSTER = PodMark("cluster-2", "shop", "web-0", "uid-1", 0, NODE)
_IMITATED = PodMark(CLUSTER_ID, "shop", "web-0", "pod-2", 0, NODE)
FOREIGN: Mapping[str, Mapping[str, str]] = {
    "somebody-elses": {"OWNER": "somebody else"},
    group_name(_OTHER_CLUSTER): environment(_OTHER_CLUSTER),
    "an-imitation": environment(_IMITATED),  # the marks of a pod that there will be, not its group's name
}
"""Groups that are not ours, by name, with their environment."""


def _foreign_group(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "autostart_policy": True,
        "replicas": 1,
        "restart_policy": "always",
        "container": {
            "image": "busybox",
            "command": ["sleep"],
            "environment_variables": dict(FOREIGN[name]),
            "resources": {"cpu": 1, "memory": 1024},
        },
    }


def _makes_a_group(pod: dict[str, Any]) -> tuple[Any, ...]:
    return pod["spec"], pod["metadata"].get("annotations") or {}


class World:
    """Enter it inside a virtual loop; everything that follows is a function of `seed` and of what is done to it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        global_random.seed(seed)  # jitter of the agent
        self.traffic = Traffic()
        self.api = StrictApi(wall_clock, self.traffic)
        for namespace in ("kube-system", "shop"):
            self.api.put(f"namespaces/{namespace}", {})
        config = SimulatorConfig(api_keys=(ApiKey(API_KEY),), seed=seed, runtime="virtual")
        self.simulator = Simulator(config, clock=LoopClock())
        self._saladcloud = InProcess(self.simulator.app, self.traffic)
        self._stack = AsyncExitStack()
        self._agents = 0
        self.agent: AgentProcess | None = None
        self.workloads: dict[str, Workload] = {}
        """By the pods' UIDs, also of pods that are gone."""
        self.edits: Counter[str] = Counter()
        """How often users changed of each pod what its group has of it, by UID."""
        self.disturbed: set[str] = set()
        """UIDs of pods whose group somebody else laid hands on: they may have ended otherwise."""
        self.stopped: set[str] = set()
        """UIDs of pods whose group somebody stopped: they wait for somebody to start it again."""

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.simulator)
        for name in FOREIGN:
            self.project.create(_foreign_group(name))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.agent is not None:
            await self.agent.kill()
        await self._stack.aclose()

    # -- the agent -----------------------------------------------------------------------------------------------

    def start_agent(self) -> None:
        """Start a new process of the agent."""
        self._agents += 1
        self.agent = AgentProcess(self.api, self._saladcloud, self._agents)

    async def end_agent(self, *, kill: bool) -> None:
        """Stop it, or kill it, if there is one."""
        agent, self.agent = self.agent, None
        if agent is not None:
            await (agent.kill() if kill else agent.stop())

    # -- the cluster ---------------------------------------------------------------------------------------------

    def create_pod(self, name: str, workload: Workload) -> None:
        """Create a pod bound to the node, as a user and the scheduler do."""
        uid = f"pod-{len(self.workloads) + 1}"
        body = {"metadata": {"uid": uid}, "spec": workload.spec(NODE), "status": {"phase": "Pending"}}
        self.api.put(f"pods/shop/{name}", body)
        self.workloads[uid] = workload

    def change_pod(self, path: str, patch: dict[str, Any]) -> None:
        """Change of a pod what its group has of it, as a user does."""
        before = self.api.objects[path]
        self.api.change(path, patch)
        self.edits[before["metadata"]["uid"]] += _makes_a_group(before) != _makes_a_group(self.api.objects[path])

    def pods(self) -> dict[str, dict[str, Any]]:
        """Return the pods by UID."""
        return {body["metadata"]["uid"]: body for body in self.api.pods().values()}

    @property
    def listings_lie(self) -> bool:
        """Say whether listings of groups may now lack what is there, or show what was: by a fault that is set."""
        lies = (FaultKind.STALE, FaultKind.CUT)
        return any(fault.kind in lies for fault in self.simulator.faults.active())

    # -- the cloud -----------------------------------------------------------------------------------------------

    @property
    def project(self) -> Any:
        """The simulated project."""
        return self.simulator.platform.organizations[ORGANIZATION].project(PROJECT)

    def own_groups(self) -> Iterator[tuple[str, Group]]:
        """Yield the pod's UID and the group of each group that was made for a pod and is not being deleted."""
        for group in list(self.project.groups.values()):
            uid = group.definition.environment.get(POD_UID)
            if uid is not None and not group.deleting and group.name not in FOREIGN:
                yield uid, group
