"""What the organization has, read seldom: GPU classes, which pods name, and quotas, which bound the node.

Between two readings of the quota, what is used follows the listings of the project; what others use is as it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from scvk.provider.capacity import Replicas
from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.saladcloud.budget import RequestClass
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.models import Quotas

CLASSES_EVERY_S = 600.0
QUOTAS_EVERY_S = 60.0
"""Other projects and other programs use the quota too: one request a minute tells how much."""
SOON_S = 10.0
"""How soon what is missing, or was proven wrong by a refusal, is read again."""

log = structlog.get_logger(__name__)


class Organization:
    """The last answers; None before the first.

    `project_replicas` tells the replicas of all groups in the project, by the last listing; None where it cannot be
    known, as before the first listing or where that may be cut.
    """

    def __init__(self, client: SaladCloudClient, project_replicas: Callable[[], int | None] = lambda: None) -> None:
        self._client = client
        self._project_replicas = project_replicas
        self._in_project: int | None = None
        """The project's replicas when the quotas were read."""
        self._refusals = 0
        self._refusals_judged = 0
        """How many of the refusals are older than the last reading."""
        self._doubt = asyncio.Event()
        self.catalogue: GpuCatalogue | None = None
        self.quotas: Quotas | None = None

    @property
    def replicas(self) -> Replicas:
        """What may be had and is used now. Costs nothing."""
        return replace(self._by_numbers(), refused=self._refusals > self._refusals_judged)

    def _by_numbers(self) -> Replicas:
        now = self._project_replicas()
        if self.quotas is None:
            return Replicas(None, now)
        said = self.quotas.container_groups_quotas
        used = said.container_replicas_used
        if used is None:
            used = now
        elif now is not None and self._in_project is not None:
            used = max(0, used - self._in_project) + now
        return Replicas(said.container_replicas_quota, used)

    def quota_refused(self) -> None:
        """Note that the platform refused a replica for the quota: where the numbers say otherwise, they are old."""
        self._refusals += 1
        if self._by_numbers().left:
            self._doubt.set()

    async def read(self) -> None:
        """Read both: two requests. Raises SaladCloudError; what was known stays."""
        await self.read_classes()
        await self.read_quotas()

    async def read_classes(self) -> None:
        """Read the GPU classes: one request. Raises SaladCloudError."""
        classes = await self._client.list_gpu_classes(request_class=RequestClass.METRICS)
        self.catalogue = GpuCatalogue.of(classes.items)

    async def read_quotas(self) -> None:
        """Read the quotas: one request. Raises SaladCloudError."""
        before = self._project_replicas()
        refusals = self._refusals  # one that comes while the answer is on its way is newer than it
        self._doubt.clear()
        quotas = await self._client.get_quotas(request_class=RequestClass.METRICS)
        after = self._project_replicas()
        # Groups that were made meanwhile may not be counted in the answer: better too little is left than too much.
        self._in_project = after if before is None or after is None else min(before, after)
        self.quotas, self._refusals_judged = quotas, refusals

    async def run(self) -> None:
        """Read again and again until cancelled, often while something is missing."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat("GPU classes", self.read_classes, self._until_classes_are_due))
            group.create_task(self._repeat("quotas", self.read_quotas, self._until_quotas_are_due))

    async def _repeat(self, what: str, read: Callable[[], Awaitable[None]], due: Callable[[], Awaitable[None]]) -> None:
        while True:
            await due()
            try:
                await read()
            except Exception as error:  # noqa: BLE001 - nothing that an answer holds may end the looking
                log.warning(f"{what} could not be read; the old ones stay", error=str(error))

    async def _until_classes_are_due(self) -> None:
        await asyncio.sleep(SOON_S if self.catalogue is None else CLASSES_EVERY_S)

    async def _until_quotas_are_due(self) -> None:
        await asyncio.sleep(SOON_S)
        if self.quotas is None:
            return
        try:
            async with asyncio.timeout(QUOTAS_EVERY_S - SOON_S):
                await self._doubt.wait()
        except TimeoutError:
            return
