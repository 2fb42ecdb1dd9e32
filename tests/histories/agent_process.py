"""One agent as if in a process of its own: started, stopped, killed at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx2

from scvk.agent import FORESEEN, Node
from scvk.kubelet.cluster import Cluster
from scvk.kubelet.kubelet import AgentIdentity
from scvk.kubelet.node import NodeIdentity
from scvk.provider.image_configs import ImageConfigs
from scvk.provider.preparation import Preparation
from scvk.provider.saladcloud_provider import ProviderIdentity
from scvk.provider.translate.policy import Policy
from scvk.registry import ImageReference, Login, RemoteImage, Unreachable
from scvk.saladcloud.budget import RequestBudget
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.exchange import http_client
from tests.histories.strict_api import StrictApi
from tests.histories.virtual_time import monotonic, wall_clock
from tests.histories.wires import InProcess, Wire, straight

NODE = "salad"
CLUSTER_ID = "cluster-1"
ORGANIZATION, PROJECT = "acme-corp", "default"
API_KEY = "history-key"
_HOST_IP = "10.0.0.1"


class NoRegistry:
    """A machine that reaches no registry: the pods of histories all give a command."""

    async def image(self, reference: ImageReference, login: Login | None = None, /) -> RemoteImage:  # noqa: ARG002
        """Fail as a registry out of reach does."""
        raise Unreachable(f"{reference}: there is no registry in a history")


class AgentProcess:
    """What a restart of the agent's container begins anew."""

    def __init__(self, api: StrictApi, saladcloud: InProcess, number: int) -> None:
        self._api = api
        self._wires = (Wire(httpx2.MockTransport(api._handle)), Wire(saladcloud))
        to_cluster, to_cloud = self._wires
        self._http = straight(httpx2.AsyncClient(transport=to_cluster, base_url="https://k8s", trust_env=False))
        self._saladcloud = straight(http_client("history", transport=to_cloud))
        budget = RequestBudget(monotonic)
        client = SaladCloudClient(
            self._saladcloud,
            api_url="http://saladcloud/api/public",
            api_key=API_KEY,
            organization=ORGANIZATION,
            project=PROJECT,
            budget=budget,
            clock=monotonic,
            now=wall_clock,
        )
        self.node = Node(
            Cluster(self._http),
            client,
            budget,
            ProviderIdentity(CLUSTER_ID, NODE, _HOST_IP, ORGANIZATION, PROJECT),
            NodeIdentity(NODE, _HOST_IP, "v1.37.2-scvk", (), {}),
            AgentIdentity(f"agent-{number}", "saladcloud"),
            preparation=Preparation(ImageConfigs(NoRegistry(), monotonic), Policy()),
            service_links=False,
            now=wall_clock,
            monotonic=monotonic,
        )
        self._task = asyncio.create_task(self.node.run())
        self.killed = False

    @property
    def alive(self) -> bool:
        """Say whether it still runs."""
        return not self._task.done()

    async def stop(self) -> None:
        """End it as SIGTERM does."""
        self._task.cancel()
        await self._ended()

    async def kill(self) -> None:
        """End it as SIGKILL does: none of its last words arrive anywhere."""
        self.kill_now()
        await self._ended()

    def kill_now(self) -> None:
        """Do the same between two turns of the loop, whatever it is in the midst of."""
        if not self.alive:
            return  # it has ended before its turn came, and the watches may be its successor's
        self.killed = True
        for wire in self._wires:
            wire.cut()
        self._task.cancel()
        self._api.watches.clear()

    async def _ended(self) -> None:
        await asyncio.wait([self._task])
        await self._http.aclose()
        await self._saladcloud.aclose()

    def unforeseen(self) -> BaseException | None:
        """Return what ended it, where that is a defect: nothing that an operator has to mend."""
        if not self._task.done() or self._task.cancelled():
            return None
        return next((cause for cause in _causes(self._task.exception()) if not isinstance(cause, FORESEEN)), None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner)
    elif error is not None:
        yield error
