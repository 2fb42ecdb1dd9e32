"""Files by SFTP and connections by port-forward: both end in the instance, not on the host."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.integration.docker_registry import program
from tests.integration.simulator.logins import OpenSsh, finished, logged_in, open_stage
from tests.integration.simulator.stage import Stage, until


@pytest.fixture
async def simulated() -> AsyncIterator[Stage]:
    async with open_stage() as simulated:
        assert simulated.simulator.isolation_report == (), "these tests need namespaces"
        yield simulated


@pytest.fixture
async def instance(simulated: Stage) -> dict[str, Any]:
    await simulated.create("web-server", None, "nginx")
    return await simulated.until_running("web-server")


@pytest.fixture
async def connection(instance: dict[str, Any]) -> AsyncIterator[asyncssh.SSHClientConnection]:
    async with logged_in(instance) as connection:
        yield connection


class TestFiles:
    async def test_what_is_put_can_be_got_and_is_the_instance_s_alone(
        self, instance: dict[str, Any], connection: asyncssh.SSHClientConnection, tmp_path: Path
    ) -> None:
        data = random.Random(3).randbytes(5_000_000)
        (tmp_path / "there").write_bytes(data)
        ssh = OpenSsh(instance, tmp_path)
        batch = f"put {tmp_path}/there /opt/scvk-there\nget /opt/scvk-there {tmp_path}/back\nls -l /opt\n"
        result = await ssh.sftp(batch)
        assert result.status == 0, result.err
        assert (tmp_path / "back").read_bytes() == data
        assert b"scvk-there" in result.out
        assert (await connection.run("cat /opt/scvk-there | wc -c")).stdout == f"{len(data)}\n"
        assert not Path("/opt/scvk-there").exists()

    async def test_names_modes_and_links(self, connection: asyncssh.SSHClientConnection) -> None:
        async with connection.start_sftp_client() as sftp:
            await sftp.mkdir("folder")
            async with sftp.open("folder/one", "w") as file:
                await file.write("text")
            await sftp.chmod("folder/one", 0o640)
            await sftp.symlink("one", "folder/link")
            await sftp.rename("folder/one", "folder/two")
            assert sorted(str(name) for name in await sftp.listdir("folder")) == [".", "..", "link", "two"]
            assert await sftp.readlink("folder/link") == "one"
            assert await sftp.realpath("folder/../folder") == "/root/folder"
            attributes = await sftp.stat("folder/two")
            assert (attributes.size, (attributes.permissions or 0) & 0o777) == (4, 0o640)
            await sftp.remove("folder/link")
            await sftp.remove("folder/two")
            await sftp.rmdir("folder")
            assert not await sftp.exists("folder")

    @pytest.mark.parametrize(
        ("path", "error"),
        [("/no/such", asyncssh.SFTPNoSuchFile), ("/proc/sys/kernel/hostname", asyncssh.SFTPPermissionDenied)],
    )
    async def test_what_the_kernel_refuses_is_refused_in_sftp_s_words(
        self, connection: asyncssh.SSHClientConnection, path: str, error: type[Exception]
    ) -> None:
        async with connection.start_sftp_client() as sftp:
            with pytest.raises(error):
                await sftp.open(path, "r+")

    async def test_scp(self, instance: dict[str, Any], tmp_path: Path) -> None:
        (tmp_path / "file").write_text("by scp")
        ssh = OpenSsh(instance, tmp_path)
        copy = ["scp", *ssh.command()[1:-3], "-P", str(instance["ssh_port"]), str(tmp_path / "file"), "root@127.0.0.1:"]
        assert (await finished(copy)).status == 0
        assert (await ssh.run("cat /root/file")).out == b"by scp"


class TestPorts:
    async def test_ten_parallel_downloads_through_one_forwarded_port(
        self, connection: asyncssh.SSHClientConnection
    ) -> None:
        program("curl", "curl")
        await connection.run("mkdir -p /usr/share/nginx/html; head -c 3000000 /dev/urandom > /usr/share/nginx/html/big")
        digest = str((await connection.run("md5sum < /usr/share/nginx/html/big")).stdout).split()[0]
        listener = await connection.forward_local_port("127.0.0.1", 0, "localhost", 80)
        url = f"http://127.0.0.1:{listener.get_port()}/big"
        results = await asyncio.gather(*(finished(["sh", "-c", f"curl -sS {url} | md5sum"]) for _ in range(10)))
        assert [result.out.split()[0].decode() for result in results] == [digest] * 10

    async def test_openssh_forwards_too(self, instance: dict[str, Any], tmp_path: Path) -> None:
        program("curl", "curl")
        port = free_port()
        ssh = OpenSsh(instance, tmp_path)
        tunnel = await asyncio.create_subprocess_exec(
            *ssh.command(options=("-N", "-L", f"127.0.0.1:{port}:127.0.0.1:80", "-o", "ExitOnForwardFailure=yes"))
        )
        try:

            async def answered() -> bool:
                return b"Welcome to nginx!" in (await finished(["curl", "-s", f"http://127.0.0.1:{port}/"])).out

            await until(answered, "the web server answers through the tunnel")
        finally:
            tunnel.terminate()
            await tunnel.wait()

    @pytest.mark.parametrize(
        ("host", "reason"), [("localhost", "Connection refused"), ("example.org", "Name or service not known")]
    )
    async def test_a_port_that_cannot_be_reached_is_reported_as_sshd_does(
        self, connection: asyncssh.SSHClientConnection, host: str, reason: str
    ) -> None:
        with pytest.raises(asyncssh.ChannelOpenError, match=reason) as caught:
            await connection.open_connection(host, 81)
        assert caught.value.code == asyncssh.OPEN_CONNECT_FAILED

    async def test_either_half_of_a_connection_may_end_first(self, simulated: Stage) -> None:
        program = (
            "import socket; s = socket.create_server(('', 9000)); print('up', flush=True); c, _ = s.accept(); "
            "n = sum(map(len, iter(lambda: c.recv(65536), b''))); c.sendall(str(n).encode()); c.close()"
        )
        await simulated.create("counter", ["python3", "-c", program], "python")
        await simulated.until_said("counter", "up")
        async with logged_in(await simulated.until_running("counter")) as into:
            reader, writer = await into.open_connection("127.0.0.1", 9000)
            writer.write(b"x" * 1_000_000)
            writer.write_eof()
            assert await reader.read() == b"1000000"

    async def test_the_host_s_ports_are_out_of_reach(self, simulated: Stage, instance: dict[str, Any]) -> None:
        async with logged_in(instance) as connection:
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.open_connection("127.0.0.1", simulated.served.port)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
