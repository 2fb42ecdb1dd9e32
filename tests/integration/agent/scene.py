"""An agent, a strict API server and a simulated SaladCloud on one virtual clock, with as many pods as one likes."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from scvk.provider.ownership import PodMark, environment, group_name
from scvk.simulator.api.requests import LoggedRequest
from scvk.simulator.config import ApiKey, Durations, Quotas, SimulatorConfig
from scvk.simulator.service import Simulator
from tests.histories.agent_process import API_KEY, CLUSTER_ID, NODE, ORGANIZATION, PROJECT, AgentProcess
from tests.histories.strict_api import StrictApi
from tests.histories.virtual_time import LoopClock, monotonic, wall_clock
from tests.histories.wires import InProcess

NAMESPACE = "shop"
SHORT = Durations(image_pull_s=1, allocate_s=5, download_s=5, create_s=1)
"""For those that are not interested in how pods come to run."""
_LOOK_EVERY_S = 5.0


class Scene:
    """Enter it inside a virtual loop; the simulator keeps to the platform's limit of 240 requests a minute."""

    def __init__(self, durations: Durations = Durations()) -> None:  # noqa: B008 - frozen
        self.api = StrictApi(wall_clock)
        for namespace in ("kube-system", NAMESPACE):
            self.api.put(f"namespaces/{namespace}", {})
        config = SimulatorConfig(
            (ApiKey(API_KEY),), seed=1, runtime="virtual", durations=durations, quotas=Quotas(container_replicas=5000)
        )
        self.simulator = Simulator(config, clock=LoopClock())
        self._stack = AsyncExitStack()
        self._agent: AgentProcess | None = None

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.simulator)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._agent is not None:
            await self._agent.kill()
        await self._stack.aclose()

    def start_agent(self) -> None:
        """Start the agent."""
        self._agent = AgentProcess(self.api, InProcess(self.simulator.app), 1)

    def create_pods(self, count: int, *, first: int = 0, script: str = "run") -> None:
        """Create pods that are bound to the node, all at once."""
        for number in range(first, first + count):
            self.api.put(f"pods/{NAMESPACE}/pod-{number}", _pod(script))

    def create_pods_with_groups(self, count: int) -> None:
        """Create pods and the groups that a former agent made for them, for none of which a request is counted."""
        project = self.simulator.platform.organizations[ORGANIZATION].project(PROJECT)
        for number in range(count):
            name = f"pod-{number}"
            pod = self.api.put(f"pods/{NAMESPACE}/{name}", _pod())
            mark = PodMark(CLUSTER_ID, NAMESPACE, name, pod["metadata"]["uid"], 0, NODE)
            project.create(
                {
                    "name": group_name(mark),
                    "autostart_policy": True,
                    "replicas": 1,
                    "restart_policy": "always",
                    "container": {
                        "image": "busybox",
                        "command": ["sleep"],
                        "environment_variables": environment(mark),
                        "resources": {"cpu": 1, "memory": 1024},
                    },
                }
            )

    @property
    def agent(self) -> AgentProcess:
        """The agent, which was started."""
        assert self._agent is not None
        return self._agent

    def ready(self) -> int:
        """Return how many pods are Ready."""
        return sum(
            any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", []))
            for pod in self.api.pods().values()
        )

    async def all_ready(self, *, within_s: float) -> None:
        """Wait until every pod is Ready."""
        async with asyncio.timeout(within_s):
            while self.ready() < len(self.api.pods()):  # noqa: ASYNC110 - a virtual clock waits for nothing
                await asyncio.sleep(_LOOK_EVERY_S)

    def requests(self, *, since_s: float = 0.0) -> list[LoggedRequest]:
        """Return the agent's requests from a moment of the loop's clock on."""
        now, clock = wall_clock(), monotonic()
        return [
            each for each in self.simulator.requests.since() if (now - each.time).total_seconds() <= clock - since_s
        ]


def _pod(script: str = "run") -> dict[str, Any]:
    container = {
        "name": "main",
        "image": "busybox",
        "command": ["scvk-script", *script.split()],
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
    }
    return {
        "metadata": {},
        "spec": {"nodeName": NODE, "restartPolicy": "Always", "containers": [container]},
        "status": {"phase": "Pending"},
    }
