"""A cluster, a simulated SaladCloud and an agent in one process, on one virtual clock, from one seed."""

from __future__ import annotations

import random as global_random
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Any, Self

from scvk.provider.ownership import POD_UID
from scvk.simulator.api.faults import FaultKind
from scvk.simulator.cloud.group import Group
from scvk.simulator.config import ApiKey, SimulatorConfig
from scvk.simulator.service import Simulator
from tests.histories.agent_process import API_KEY, NODE, ORGANIZATION, PROJECT, AgentProcess
from tests.histories.strict_api import StrictApi
from tests.histories.virtual_time import LoopClock, wall_clock
from tests.histories.wires import InProcess

FOREIGN = "somebody-elses"
_FOREIGN_GROUP = {
    "name": FOREIGN,
    "autostart_policy": True,
    "replicas": 1,
    "restart_policy": "always",
    "container": {
        "image": "busybox",
        "command": ["sleep"],
        "environment_variables": {"OWNER": "somebody else"},
        "resources": {"cpu": 1, "memory": 1024},
    },
}


@dataclass(frozen=True)
class Workload:
    """What a pod runs, by script, and how it must end up when nothing disturbs it."""

    script: str
    policy: str
    ends: str
    """The phase at last; `Running` is Running and Ready, `Running or waiting` just Running, `never ready` neither ended
    nor Ready."""


WORKLOADS = (
    Workload("run", "Always", "Running"),
    Workload("run", "Never", "Running"),
    Workload("run", "OnFailure", "Running"),
    Workload("exit 0 after 90s", "Never", "Succeeded"),
    Workload("exit 3 after 20s", "Never", "Failed"),
    Workload("exit 0 after 400s", "OnFailure", "Succeeded"),
    Workload("exit 1 after 300s", "Always", "Running or waiting"),
    Workload("killed after 600s", "Never", "Failed"),
    Workload("never start no such file", "Always", "never ready"),
)


class World:
    """Enter it inside a virtual loop; everything that follows is a function of `seed` and of what is done to it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        global_random.seed(seed)  # jitter of the agent
        self.api = StrictApi(wall_clock)
        for namespace in ("kube-system", "shop"):
            self.api.put(f"namespaces/{namespace}", {})
        config = SimulatorConfig(api_keys=(ApiKey(API_KEY),), seed=seed, runtime="virtual")
        self.simulator = Simulator(config, clock=LoopClock())
        self._saladcloud = InProcess(self.simulator.app)
        self._stack = AsyncExitStack()
        self._agents = 0
        self.agent: AgentProcess | None = None
        self.workloads: dict[str, Workload] = {}
        """By the pods' UIDs, also of pods that are gone."""
        self.disturbed: set[str] = set()
        """UIDs of pods whose group somebody else laid hands on: they may have ended otherwise."""

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.simulator)
        self.project.create({**_FOREIGN_GROUP})
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
        body = {
            "metadata": {},
            "spec": {
                "nodeName": NODE,
                "restartPolicy": workload.policy,
                "containers": [
                    {
                        "name": "main",
                        "image": "busybox",
                        "command": ["scvk-script", *workload.script.split()],
                        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
                    }
                ],
            },
            "status": {"phase": "Pending"},
        }
        created = self.api.create_pod(f"pods/shop/{name}", body)
        self.workloads[created["metadata"]["uid"]] = workload

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
            if uid is not None and not group.deleting:
                yield uid, group
