"""The certificate authority of the cluster's clients, kept up to date: a rotation needs no restart.

The API server publishes it in a ConfigMap, which is watched. A failed or unreadable look changes nothing.
"""

from __future__ import annotations

from contextlib import aclosing

import structlog
from lightkube.resources.core_v1 import ConfigMap

from scvk.kubelet.cluster import Cluster
from scvk.kubelet.cluster_errors import ClusterError, ObjectNotFound
from scvk.kubelet.object_watch import newest

NAMESPACE, NAME, KEY = "kube-system", "extension-apiserver-authentication", "client-ca-file"

log = structlog.get_logger(__name__)


class ClientAuthority:
    """Constructing it has no effect."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.pem: str | None = None
        """The authority's certificates; None while unknown, and where the cluster has none for clients."""

    async def look(self) -> None:
        """Read it once, so that the first caller is known; failures are logged."""
        try:
            self._take(await self._cluster.get(ConfigMap, NAME, namespace=NAMESPACE))
        except ObjectNotFound:
            pass
        except ClusterError as error:
            log.warning("the client authority of the cluster cannot be read yet; trying again", error=str(error))

    async def run(self) -> None:
        """Follow it until cancelled."""
        async with aclosing(newest(self._cluster, ConfigMap, NAME, namespace=NAMESPACE)) as versions:
            async for found in versions:
                if found is not None:
                    self._take(found)

    def _take(self, found: ConfigMap) -> None:
        pem = (found.data or {}).get(KEY)
        if pem and pem != self.pem:
            if self.pem is not None:
                log.info("the client authority of the cluster has changed")
            self.pem = pem
