"""Connections to instances, shared by all who have something to do there, and kept for a while after the last.

A server opens only so many sessions on one connection (OpenSSH's MaxSessions, ten unless told otherwise), so that many
commands at once take several connections. Connections to ports are not counted there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from scvk.saladcloud.ssh.address import SshAddress
from scvk.saladcloud.ssh.errors import ConnectionLost, NoRoom
from scvk.saladcloud.ssh.shared_attempts import SharedAttempts
from scvk.saladcloud.ssh.terminal import Terminal

if TYPE_CHECKING:  # an agent without a key never loads asyncssh, which takes 20 MB
    from scvk.saladcloud.ssh.process import RemoteProcess
    from scvk.saladcloud.ssh.tunnel import Tunnel

KEPT_FOR_S = 300.0
SESSIONS = 10
"""MaxSessions of OpenSSH (sshd_config). A server that allows fewer says so; one that allows more need not be asked."""
CLOSED_WITHIN_S = 2.0


class Connection(Protocol):
    """What the pool keeps; see `scvk.saladcloud.ssh.connection.SshConnection`."""

    @property
    def is_open(self) -> bool:
        """Say whether it is not known to have ended."""
        ...

    async def start(self, command: bytes, terminal: Terminal | None, /) -> RemoteProcess:
        """Run a command. Raises NoRoom, ConnectionLost and StartInDoubt."""
        ...

    async def connect(self, host: str, port: int, /) -> Tunnel:
        """Connect to a port. Raises PortRefused and ConnectionLost."""
        ...

    def when_lost(self, call: Callable[[], None]) -> None:
        """Call back when it has ended."""
        ...

    def abort(self) -> None:
        """End it at once."""
        ...

    async def aclose(self) -> None:
        """End it, and return when it has ended."""
        ...


class _Lane:
    """One connection, and how much runs over it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.sessions = 0
        self.established = 0
        self.tunnels = 0
        self.closing: asyncio.TimerHandle | None = None


class SharedConnections:
    """The connections of one agent. `log_in` raises SshError; time is the event loop's."""

    def __init__(
        self, log_in: Callable[[SshAddress], Awaitable[Connection]], *, kept_for_s: float = KEPT_FOR_S
    ) -> None:
        self._log_in = log_in
        self._kept_for_s = kept_for_s
        self._lanes: dict[SshAddress, list[_Lane]] = {}
        self._sessions: dict[SshAddress, int] = {}
        """How many sessions a server opens on one connection, where it was seen to refuse one."""
        self._attempts: SharedAttempts[SshAddress, None] = SharedAttempts()
        self._is_closed = False

    def is_connected(self, address: SshAddress) -> bool:
        """Say whether there is a connection that may still be good."""
        return any(lane.connection.is_open for lane in self._lanes.get(address, ()))

    async def start(self, address: SshAddress, command: bytes, terminal: Terminal | None = None) -> RemoteProcess:
        """Run a command. Raises SshError: ConnectionLost where the kept connection turns out to be gone before."""
        while True:
            lane = await self._lane(address, lambda lane: lane.sessions < self._sessions.get(address, SESSIONS))
            self._use(lane)
            lane.sessions += 1
            try:
                process = await lane.connection.start(command, terminal)
            except BaseException as error:
                lane.sessions -= 1
                self._rest(address, lane)
                if not isinstance(error, NoRoom) or lane.established == 0:
                    raise
                self._sessions[address] = min(lane.established, self._sessions.get(address, SESSIONS))
                continue
            lane.established += 1
            process.when_ended(lambda lane=lane: self._session_ended(address, lane))  # type: ignore[misc]
            return process

    async def connect(self, address: SshAddress, host: str, port: int) -> Tunnel:
        """Connect to a port as seen from the instance. Raises SshError, as `start` does, and PortRefused."""
        lane = await self._lane(address, lambda _: True)
        self._use(lane)
        lane.tunnels += 1
        try:
            tunnel = await lane.connection.connect(host, port)
        except BaseException:
            self._tunnel_ended(address, lane)
            raise
        tunnel.when_closed(lambda: self._tunnel_ended(address, lane))
        return tunnel

    def drop(self, address: SshAddress) -> None:
        """End what there is to an address that is no longer the instance's."""
        for lane in list(self._lanes.get(address, ())):
            lane.connection.abort()

    async def aclose(self) -> None:
        """End everything."""
        self._is_closed = True
        await self._attempts.aclose()
        lanes = [lane for lanes in self._lanes.values() for lane in lanes]
        for lane in lanes:
            if lane.closing is not None:
                lane.closing.cancel()
        closing = [asyncio.create_task(lane.connection.aclose()) for lane in lanes]
        if closing:
            await asyncio.wait(closing, timeout=CLOSED_WITHIN_S)
            for task in closing:
                task.cancel()
            await asyncio.gather(*closing, return_exceptions=True)

    async def _lane(self, address: SshAddress, has_room: Callable[[_Lane], bool]) -> _Lane:
        """Return the connection with the least on it that has room; a new one where none has."""
        while True:
            lanes = [lane for lane in self._lanes.get(address, ()) if lane.connection.is_open and has_room(lane)]
            if lanes:
                return min(lanes, key=lambda lane: lane.sessions + lane.tunnels)
            if self._is_closed:
                raise ConnectionLost("the agent is stopping")
            await self._attempts.make(address, lambda: self._open(address))

    async def _open(self, address: SshAddress) -> None:
        lane = _Lane(await self._log_in(address))
        self._lanes.setdefault(address, []).append(lane)
        lane.connection.when_lost(lambda: self._lost(address, lane))
        self._rest(address, lane)

    def _lost(self, address: SshAddress, lane: _Lane) -> None:
        if lane.closing is not None:
            lane.closing.cancel()
        lanes = self._lanes.get(address, [])
        if lane in lanes:
            lanes.remove(lane)
        if not lanes:
            self._lanes.pop(address, None)
            self._sessions.pop(address, None)

    def _use(self, lane: _Lane) -> None:
        if lane.closing is not None:
            lane.closing.cancel()
            lane.closing = None

    def _rest(self, address: SshAddress, lane: _Lane) -> None:
        """Close it in a while, unless it is used again."""
        if not lane.sessions and not lane.tunnels and lane in self._lanes.get(address, ()):
            self._use(lane)
            lane.closing = asyncio.get_running_loop().call_later(self._kept_for_s, lane.connection.abort)

    def _session_ended(self, address: SshAddress, lane: _Lane) -> None:
        lane.sessions -= 1
        lane.established -= 1
        self._rest(address, lane)

    def _tunnel_ended(self, address: SshAddress, lane: _Lane) -> None:
        lane.tunnels -= 1
        self._rest(address, lane)
