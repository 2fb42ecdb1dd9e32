"""Who uses which SSH connection, and how long it is kept: on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from scvk.saladcloud.ssh.address import SshAddress
from scvk.saladcloud.ssh.errors import ConnectionLost, LoginRefused, NoRoom, PortRefused
from scvk.saladcloud.ssh.pool import KEPT_FOR_S, SESSIONS, SharedConnections
from scvk.saladcloud.ssh.process import RemoteProcess
from scvk.saladcloud.ssh.terminal import Terminal
from scvk.saladcloud.ssh.tunnel import Tunnel

pytestmark = pytest.mark.looptime

HERE, ELSEWHERE = SshAddress("192.0.2.1", 22, "SHA256:a"), SshAddress("192.0.2.2", 22, "SHA256:b")


class Server:
    """SSH servers by address, each of which opens `room` sessions on a connection; a login takes a second."""

    def __init__(self, room: int = 1000) -> None:
        self.room = room
        self.refuses: Exception | None = None
        self.connections: list[Connection] = []

    async def log_in(self, address: SshAddress) -> Connection:
        await asyncio.sleep(1)
        if self.refuses is not None:
            raise self.refuses
        connection = Connection(address, self.room)
        self.connections.append(connection)
        return connection

    @property
    def open(self) -> list[Connection]:
        return [connection for connection in self.connections if connection.is_open]


class Connection:
    def __init__(self, address: SshAddress, room: int) -> None:
        self.address = address
        self.room = room
        self.is_open = True
        self.processes: list[RemoteProcess] = []
        self._when_lost: list[Callable[[], None]] = []

    async def start(self, _command: bytes, _terminal: Terminal | None) -> RemoteProcess:
        if not self.is_open:
            raise ConnectionLost("lost")
        await asyncio.sleep(0)
        if sum(not process._ended.is_set() for process in self.processes) >= self.room:
            raise NoRoom("open failed")
        process = RemoteProcess()
        self.processes.append(process)
        return process

    async def connect(self, _host: str, port: int) -> Tunnel:
        if port == 81:
            raise PortRefused("Connection refused")
        return Tunnel()

    def when_lost(self, call: Callable[[], None]) -> None:
        self._when_lost.append(call)

    def abort(self) -> None:
        self.is_open = False
        for call in self._when_lost:
            call()

    async def aclose(self) -> None:
        self.abort()


async def test_first_users_share_one_login(looptime: Any) -> None:
    server = Server()
    pool = SharedConnections(server.log_in)
    await asyncio.gather(*(pool.start(HERE, b"true") for _ in range(SESSIONS)))
    assert (len(server.connections), looptime) == (1, 1)


async def test_a_failed_login_is_everybodys_and_the_next_one_is_tried_anew() -> None:
    server = Server()
    server.refuses = LoginRefused("no")
    pool = SharedConnections(server.log_in)
    found = await asyncio.gather(*(pool.start(HERE, b"true") for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in found] == [LoginRefused] * 3
    server.refuses = None
    await pool.start(HERE, b"true")


async def test_who_is_cancelled_while_logging_in_takes_nobody_along() -> None:
    server = Server()
    pool = SharedConnections(server.log_in)
    first = asyncio.create_task(pool.start(HERE, b"true"))
    second = asyncio.create_task(pool.start(HERE, b"true"))
    await asyncio.sleep(0.5)
    first.cancel()
    await second
    assert len(server.connections) == 1


async def test_another_instance_is_another_connection() -> None:
    server = Server()
    pool = SharedConnections(server.log_in)
    await pool.start(HERE, b"true")
    await pool.start(ELSEWHERE, b"true")
    assert [connection.address for connection in server.connections] == [HERE, ELSEWHERE]


async def test_more_sessions_than_a_connection_takes_get_further_connections() -> None:
    server = Server()
    pool = SharedConnections(server.log_in)
    await asyncio.gather(*(pool.start(HERE, b"true") for _ in range(10 * SESSIONS)))
    assert [len(connection.processes) for connection in server.connections] == [SESSIONS] * 10


@pytest.mark.parametrize("room", [1, 3])
async def test_a_server_that_takes_fewer_is_believed(room: int) -> None:
    server = Server(room)
    pool = SharedConnections(server.log_in)
    await asyncio.gather(*(pool.start(HERE, b"true") for _ in range(12)))
    assert sum(len(connection.processes) for connection in server.open) == 12
    assert all(len(connection.processes) <= room for connection in server.open)


async def test_a_server_that_takes_none_says_so() -> None:
    pool = SharedConnections(Server(0).log_in)
    with pytest.raises(NoRoom):
        await pool.start(HERE, b"true")


async def test_room_comes_back_when_a_command_ends() -> None:
    server = Server()
    pool = SharedConnections(server.log_in)
    for _ in range(3 * SESSIONS):
        (await pool.start(HERE, b"true")).connection_lost(None)
    assert len(server.connections) == 1


async def test_a_connection_is_kept_for_a_while_after_its_last_use() -> None:
    server = Server()
    pool = SharedConnections(server.log_in)
    process = await pool.start(HERE, b"true")
    await asyncio.sleep(10 * KEPT_FOR_S)
    assert pool.is_connected(HERE)  # something runs
    process.connection_lost(None)
    await asyncio.sleep(KEPT_FOR_S - 1)
    tunnel = await pool.connect(HERE, "localhost", 80)
    await asyncio.sleep(KEPT_FOR_S + 1)
    assert pool.is_connected(HERE)
    tunnel.connection_lost(None)
    await asyncio.sleep(KEPT_FOR_S - 1)
    assert pool.is_connected(HERE)
    await asyncio.sleep(2)
    assert not pool.is_connected(HERE)
    assert not server.open


async def test_a_refused_port_is_no_use_that_lasts() -> None:
    pool = SharedConnections(Server().log_in)
    with pytest.raises(PortRefused):
        await pool.connect(HERE, "localhost", 81)
    await asyncio.sleep(KEPT_FOR_S + 1)
    assert not pool.is_connected(HERE)


async def test_what_was_lost_is_not_used_again() -> None:
    server = Server()
    pool = SharedConnections(server.log_in)
    await pool.start(HERE, b"true")
    server.connections[0].abort()
    assert not pool.is_connected(HERE)
    await pool.start(HERE, b"true")
    assert len(server.connections) == 2


async def test_what_is_dropped_or_closed_is_ended() -> None:
    server = Server()
    pool = SharedConnections(server.log_in)
    await pool.start(HERE, b"true")
    await pool.start(ELSEWHERE, b"true")
    pool.drop(HERE)
    assert [connection.address for connection in server.open] == [ELSEWHERE]
    await pool.aclose()
    assert not server.open
    with pytest.raises(ConnectionLost):
        await pool.start(HERE, b"true")
