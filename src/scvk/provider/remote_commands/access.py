"""What a provider can do inside the instances of its pods, as one thing to make and to close."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from lightkube.resources.core_v1 import Pod

from scvk.provider.cloud_view import CloudView
from scvk.provider.remote_commands.instances import Instances
from scvk.provider.remote_commands.ports import Ports
from scvk.provider.remote_commands.runner import Commands
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.ssh.pool import SharedConnections


class RemoteAccess:
    """Commands and ports over SSH. Without connections (no key is configured) both say so to who asks."""

    def __init__(
        self,
        client: SaladCloudClient,
        view: CloudView,
        group_of: Callable[[Pod], str | None],
        connections: SharedConnections | None,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._instances = Instances(client, view, group_of, connections, now=now)
        self._connections = connections
        self.commands = Commands(self._instances)
        self.ports = Ports(self._instances)

    async def aclose(self) -> None:
        """End commands whose clients have gone, then all connections."""
        await self._instances.aclose()
        await self.commands.aclose()
        if self._connections is not None:
            await self._connections.aclose()
