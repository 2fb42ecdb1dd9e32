"""The certificate authority of the cluster's clients, kept up to date: a rotation needs no restart.

The API server publishes it in a ConfigMap. A failed or unreadable look changes nothing.
"""

from __future__ import annotations

import asyncio

import structlog
from lightkube.resources.core_v1 import ConfigMap

from scvk.kubelet.cluster import Cluster
from scvk.kubelet.cluster_errors import ClusterError, ObjectNotFound

NAMESPACE, NAME, KEY = "kube-system", "extension-apiserver-authentication", "client-ca-file"
LOOK_EVERY_S = 30.0

log = structlog.get_logger(__name__)


class ClientAuthority:
    """Constructing it has no effect."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._was_told = False
        self.pem: str | None = None
        """The authority's certificates; None while unknown, and where the cluster has none for clients."""

    async def look(self) -> None:
        """Read it once; failures are logged."""
        try:
            found = await self._cluster.get(ConfigMap, NAME, namespace=NAMESPACE)
        except ObjectNotFound:
            return
        except ClusterError as error:
            if not self._was_told:
                log.warning(
                    "the client authority of the cluster cannot be read; what was known stays", error=str(error)
                )
            self._was_told = True
            return
        self._was_told = False
        pem = (found.data or {}).get(KEY)
        if pem and pem != self.pem:
            if self.pem is not None:
                log.info("the client authority of the cluster has changed")
            self.pem = pem

    async def run(self) -> None:
        """Look every LOOK_EVERY_S seconds until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look()
