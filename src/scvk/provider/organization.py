"""What the organization has, read seldom: GPU classes, which pods name, and quotas, which bound the node."""

from __future__ import annotations

import asyncio

import structlog

from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.saladcloud.budget import RequestClass
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.models import Quotas

READ_EVERY_S = 600.0
MISSING_AGAIN_S = 10.0

log = structlog.get_logger(__name__)


class Organization:
    """The last answers; None before the first. Two requests for each reading."""

    def __init__(self, client: SaladCloudClient) -> None:
        self._client = client
        self.catalogue: GpuCatalogue | None = None
        self.quotas: Quotas | None = None

    async def read(self) -> None:
        """Read both. Raises SaladCloudError; what was known stays."""
        classes = await self._client.list_gpu_classes(request_class=RequestClass.METRICS)
        self.catalogue = GpuCatalogue.of(classes.items)
        self.quotas = await self._client.get_quotas(request_class=RequestClass.METRICS)

    async def run(self) -> None:
        """Read again and again until cancelled, often while something is missing."""
        while True:
            await asyncio.sleep(READ_EVERY_S if self.quotas is not None else MISSING_AGAIN_S)
            try:
                await self.read()
            except Exception as error:  # noqa: BLE001 - nothing that an answer holds may end the looking
                log.warning("GPU classes and quotas could not be read; the old ones stay", error=str(error))
