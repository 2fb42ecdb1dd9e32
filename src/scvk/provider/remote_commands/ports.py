"""The kubelet's `PortForwarder`: connections to ports of a pod's program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightkube.resources.core_v1 import Pod

from scvk.kubelet.capabilities import NotPossible, PortConnection
from scvk.provider.remote_commands.instances import Instances
from scvk.saladcloud.ssh.address import SshAddress
from scvk.saladcloud.ssh.errors import PortRefused
from scvk.saladcloud.ssh.pool import SharedConnections

if TYPE_CHECKING:
    from scvk.saladcloud.ssh.tunnel import Tunnel

_HOSTS = ("localhost", "127.0.0.1", "::1")
"""An image without /etc/hosts does not know the first."""
_REFUSED = "connection refused"


class Ports:
    """Implements `scvk.kubelet.capabilities.PortForwarder`."""

    def __init__(self, instances: Instances) -> None:
        self._instances = instances

    async def connect(self, pod: Pod, port: int) -> PortConnection:
        """Connect; see the protocol. Costs a request only where a new SSH connection is needed."""
        return await self._instances.reach(pod, lambda connections, address: _connect(connections, address, port))


async def _connect(connections: SharedConnections, address: SshAddress, port: int) -> Tunnel:
    reasons = []
    for host in _HOSTS:
        try:
            return await connections.connect(address, host, port)
        except PortRefused as error:
            reasons.append(str(error).lower())
            if host == _HOSTS[0] and reasons[0] == _REFUSED:
                break  # it was tried by every address of localhost
    reason = _REFUSED if _REFUSED in reasons else reasons[0]
    raise NotPossible(f"failed to connect to localhost:{port} inside the container: connect: {reason}")
