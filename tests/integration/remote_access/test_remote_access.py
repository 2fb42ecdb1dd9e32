"""Commands and ports over SSH to simulated instances: as whom, in what, and what is said where it cannot be."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from scvk.kubelet.capabilities import NotPossible, TerminalSize
from scvk.provider.translate.start_up import StartUp, TerminationMessage, Wrapped, wrap
from scvk.saladcloud.models import ContainerGroupInstance
from scvk.saladcloud.ssh.address import SshAddress
from scvk.saladcloud.ssh.connection import connect
from scvk.saladcloud.ssh.errors import Unreachable, WrongHostKey
from tests.integration.remote_access.visitor import GROUP, POD, Client, Visitor, visiting
from tests.integration.simulator.logins import KEY, STRANGER, open_stage
from tests.integration.simulator.stage import Stage, processes_with, stage, until

ECHO = """
import socket
listening = socket.create_server(("::", 8000), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    one, _ = listening.accept()
    said = b""
    while data := one.recv(1 << 16): said += data
    one.sendall(said.upper())
    one.close()
"""
"""Answers when its client has said all: half a connection goes on."""


@pytest_asyncio.fixture
async def simulated() -> AsyncIterator[Stage]:
    async with open_stage() as simulated:
        yield simulated


@pytest_asyncio.fixture
async def visitor(simulated: Stage) -> AsyncIterator[Visitor]:
    """In a pod with the tools of Debian."""
    await simulated.create(GROUP, ["sleep", "1000"], image="debian:13", environment={"PODS_OWN": "it's"})
    await simulated.until_running(GROUP)
    async with visiting(simulated) as visitor:
        yield visitor


class TestCommands:
    async def test_have_the_programs_variables_and_none_of_the_logins(self, visitor: Visitor) -> None:
        _, out, _ = await visitor.run("env")
        names = {line.split(b"=")[0] for line in out.splitlines()}
        assert b"PODS_OWN=it's" in out.splitlines()
        assert b"HOSTNAME" in names
        assert not {b"SSH_CLIENT", b"SSH_CONNECTION", b"LOGNAME"} & names

    async def test_streams_are_apart_and_codes_told(self, visitor: Visitor) -> None:
        assert await visitor.run("sh", "-c", "echo out; echo err >&2; exit 9") == (9, b"out\n", b"err\n")
        assert (await visitor.run("sh", "-c", "kill -TERM $$"))[0] == 143

    async def test_input_ends_where_the_clients_does(self, visitor: Visitor) -> None:
        data = os.urandom(5_000_000)
        assert await visitor.run("cat", stdin=data) == (0, data, b"")
        assert await visitor.run("cat") == (0, b"", b"")

    async def test_a_client_that_does_not_read_lets_the_command_wait(self, visitor: Visitor) -> None:
        client = Client()
        client.reads.clear()
        running = asyncio.create_task(
            visitor.run("sh", "-c", "head -c 20000000 /dev/zero; echo done > /tmp/done", client=client)
        )
        await asyncio.sleep(0.5)
        assert (await visitor.run("test", "-e", "/tmp/done"))[0] == 1
        client.reads.set()
        _, out, _ = await running
        assert len(out) == 20_000_000

    async def test_a_terminal_begins_with_the_clients_size_and_follows_it(self, visitor: Visitor) -> None:
        client = Client()
        client.sizes.put_nowait(TerminalSize(101, 33))
        running = visitor.begin("sh", "-c", "while read x; do stty size; done; exit 4", client=client, tty=True)
        client.stdin.put_nowait(b"\n")
        await client.until(b"33 101")
        client.sizes.put_nowait(TerminalSize(120, 40))

        async def resized() -> bool:
            client.stdin.put_nowait(b"\n")
            await asyncio.sleep(0.1)
            return b"40 120" in client.out

        await until(resized, "the terminal has the new size")
        client.stdin.put_nowait(b"\x04")
        async with asyncio.timeout(20):
            assert await running == 4

    async def test_one_that_is_not_there_is_told_as_a_runtime_does(self, visitor: Visitor) -> None:
        with pytest.raises(NotPossible, match='exec: "nothing": executable file not found in \\$PATH'):
            await visitor.run("nothing")

    async def test_a_hundred_at_once_share_connections_of_ten(self, visitor: Visitor) -> None:
        found = await asyncio.gather(*(visitor.run("echo", str(number)) for number in range(100)))
        assert found == [(0, f"{number}\n".encode(), b"") for number in range(100)]
        assert len(visitor.logins) <= 11

    async def test_are_ended_when_their_clients_go(self, visitor: Visitor) -> None:
        clients = [Client() for _ in range(12)]
        script = "trap '' TERM HUP; echo begun; while :; do sleep 0.2; done # the-marked"
        running = [visitor.begin("sh", "-c", script, client=client) for client in clients]
        for client in clients:
            await client.until(b"begun")
        assert processes_with("the-marked")
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await until(_none_with("the-marked"), "all commands are ended")

    async def test_are_ended_when_the_agent_is(self, simulated: Stage) -> None:
        await simulated.create(GROUP, ["sleep", "1000"], image="debian:13")
        await simulated.until_running(GROUP)
        async with visiting(simulated) as visitor:
            client = Client()
            running = visitor.begin("sh", "-c", "echo begun; sleep 1000 # last-marked", client=client)
            await client.until(b"begun")
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        assert not processes_with("last-marked")

    async def test_a_client_that_goes_while_its_command_begins_leaves_nothing(self, visitor: Visitor) -> None:
        await visitor.run("true")
        for wait_s in (0, 0.002, 0.005, 0.01, 0.02, 0.04):
            running = visitor.begin("sh", "-c", "sleep 1000 # early-marked", client=Client())
            await asyncio.sleep(wait_s)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        await until(_none_with("early-marked"), "all commands are ended")


class TestWhoRunsThem:
    async def _visit(self, tmp_path: Path, image: str, *words: str) -> tuple[int, bytes, bytes]:
        catalogue = tmp_path / "images.yaml"
        catalogue.write_text(image)
        async with open_stage(image_catalogue=catalogue) as simulated:
            await simulated.create(GROUP, ["sleep", "1000"], image="mine")
            await simulated.until_running(GROUP)
            async with visiting(simulated) as visitor:
                return await visitor.run(*words)

    @pytest.mark.skipif(os.geteuid() != 0, reason="without root the simulator has one user")
    async def test_the_user_and_directory_of_the_program(self, tmp_path: Path) -> None:
        image = 'images: [{match: [mine], user: "1234:567", working_dir: /usr, env: {A: b}}]'
        code, out, err = await self._visit(
            tmp_path, image, "sh", "-c", "id -u; id -g; id -G; pwd; echo $A; touch /usr/x"
        )
        assert out == b"1234\n567\n567\n/usr\nb\n"
        assert code != 0
        assert b"touch" in err

    @pytest.mark.skipif(os.geteuid() != 0, reason="without root the simulator has one user")
    async def test_root_where_the_image_has_nothing_to_become_another_and_that_is_said(self, tmp_path: Path) -> None:
        image = 'images: [{match: [mine], root: busybox, user: "1234:567"}]'
        code, out, err = await self._visit(tmp_path, image, "id", "-u")
        assert (code, out) == (0, b"0\n")
        assert b"runs as root" in err

    async def test_an_image_of_busybox_has_all_that_is_needed(self, tmp_path: Path) -> None:
        image = "images: [{match: [mine], root: busybox, env: {A: 'b c'}}]"
        assert await self._visit(tmp_path, image, "sh", "-c", 'echo "$A"; exit 3') == (3, b"b c\n", b"")

    async def test_variables_of_a_program_under_the_wrapper_that_stays(self, simulated: Stage) -> None:
        start_up = StartUp(
            argv=("sleep", "1000"),
            environment={"LINES_OF": "a\nb\n", "PLAIN": "c"},
            working_dir="/usr",
            termination_message=TerminationMessage("/dev/termination-log"),
        )
        wrapped = wrap(start_up, limit_bytes=65536)
        assert isinstance(wrapped, Wrapped)
        await simulated.create(GROUP, list(wrapped.command), image="debian:13", environment=dict(wrapped.environment))
        await simulated.until_running(GROUP)
        async with visiting(simulated) as visitor:

            async def shown() -> bool:
                _, out, _ = await visitor.run("sh", "-c", 'printf "%s|%s|" "$LINES_OF" "$PLAIN"; pwd')
                return out == b"a\nb\n|c|/usr\n"

            await until(shown, "the command has the program's variables")
            _, out, _ = await visitor.run("env")
            assert b"SCVK_START_UP" not in out


class TestPorts:
    async def test_half_a_connection_goes_on_and_many_go_at_once(self, simulated: Stage) -> None:
        program = f"import base64;exec(base64.b64decode({base64.b64encode(ECHO.encode()).decode()!r}))"
        await simulated.create(GROUP, ["python3", "-c", program], image="python:3")
        await simulated.until_running(GROUP)
        async with visiting(simulated) as visitor:

            async def answer(data: bytes) -> bytes:
                connection = await visitor.access.ports.connect(POD, 8000)
                sending = asyncio.create_task(connection.write(data))
                await sending
                connection.write_eof()
                together = b""
                while piece := await connection.read():
                    together += piece
                connection.close()
                return together

            async def listens() -> bool:
                try:
                    return await answer(b"x") == b"X"
                except NotPossible:
                    return False

            await until(listens, "the program listens")
            data = [bytes([97 + number]) * 300_000 for number in range(20)]
            async with asyncio.timeout(30):
                assert await asyncio.gather(*map(answer, data)) == [each.upper() for each in data]
            assert len(visitor.logins) == 1

    async def test_a_port_that_refuses_is_told(self, visitor: Visitor) -> None:
        with pytest.raises(
            NotPossible, match="failed to connect to localhost:81 inside the container: connect: connection refused"
        ):
            await visitor.access.ports.connect(POD, 81)


class TestRefusals:
    @pytest.mark.parametrize(
        ("container", "words"),
        [
            ("sidecar", 'only "app" is'),
            ("first", "has ended"),
            ("debugger", "cannot add a container"),
        ],
    )
    async def test_containers_that_do_not_run(self, visitor: Visitor, container: str, words: str) -> None:
        with pytest.raises(NotPossible, match=words):
            await visitor.run("true", container=container)

    async def test_no_key(self, simulated: Stage) -> None:
        async with visiting(simulated, with_key=False) as visitor:
            with pytest.raises(NotPossible, match="--ssh-private-key-file"):
                await visitor.run("true")
            with pytest.raises(NotPossible, match="--ssh-private-key-file"):
                await visitor.access.ports.connect(POD, 80)

    async def test_a_group_that_is_not_there(self, simulated: Stage) -> None:
        async with visiting(simulated) as visitor:
            with pytest.raises(NotPossible, match="gone"):
                await visitor.run("true")

    async def test_an_instance_that_does_not_run(self, simulated: Stage) -> None:
        await simulated.create(GROUP, ["sleep", "1000"], autostart_policy=False)
        async with visiting(simulated) as visitor:
            with pytest.raises(NotPossible, match="pod web-0 is not running"):
                await visitor.run("true")

    async def test_a_key_that_is_not_accepted_and_one_that_is_put_in_its_place(self, visitor: Visitor) -> None:
        accepted, visitor.key = visitor.key, STRANGER
        with pytest.raises(NotPossible, match="does not accept the private key"):
            await visitor.run("true")
        visitor.key = accepted
        assert (await visitor.run("true"))[0] == 0

    async def test_an_instance_without_ssh(self) -> None:
        async with stage(ssh_authorized_keys="") as simulated:
            await simulated.create(GROUP, ["sleep", "1000"])
            await simulated.until_running(GROUP)
            async with visiting(simulated) as visitor:
                with pytest.raises(NotPossible, match="SSH"):
                    await visitor.run("true")

    async def test_another_host_key_than_saladcloud_shows(self, simulated: Stage) -> None:
        await simulated.create(GROUP, ["sleep", "1000"])
        instance = await simulated.until_running(GROUP)
        wrong = SshAddress(
            instance["ssh_ip"], instance["ssh_port"], "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8"
        )
        with pytest.raises(WrongHostKey, match="another machine answers there"):
            await connect(wrong, lambda: KEY)

    async def test_a_server_that_is_not_there(self) -> None:
        with pytest.raises(Unreachable, match="no SSH connection to"):
            await connect(SshAddress("127.0.0.1", 1, "SHA256:x"), lambda: KEY)


class TestConnections:
    async def test_one_is_shared_and_asked_for_once(self, visitor: Visitor) -> None:
        for _ in range(3):
            await visitor.run("true")
        assert len(visitor.logins) == 1

    async def test_a_lost_one_is_made_anew(self, visitor: Visitor) -> None:
        await visitor.run("true")
        visitor.connections.drop(visitor.logins[0])
        assert (await visitor.run("true"))[0] == 0
        assert len(visitor.logins) == 2

    async def test_a_pod_on_another_machine_is_found_there(self, simulated: Stage, visitor: Visitor) -> None:
        await visitor.run("true")
        client = Client()
        running = visitor.begin("sh", "-c", "echo begun; sleep 1000", client=client)
        await client.until(b"begun")
        (instance,) = await simulated.instances(GROUP)
        await simulated.call(
            "reallocate_container_group_instance",
            container_group_name=GROUP,
            container_group_instance_id=instance["id"],
        )
        with pytest.raises(NotPossible, match="the connection to the instance ended"):
            await running

        with pytest.raises(NotPossible, match="pod web-0 is not running: its instance is allocating"):
            await visitor.run("true")
        await simulated.until_running(GROUP)
        assert (await visitor.run("true"))[0] == 0
        assert visitor.logins[0].machine_id != visitor.logins[-1].machine_id

    async def test_a_pod_that_the_view_shows_elsewhere_is_asked_for_though_the_connection_holds(
        self, visitor: Visitor
    ) -> None:
        await visitor.run("true")
        moved = ContainerGroupInstance(
            id="i", machine_id="another", ssh_ip="192.0.2.1", ssh_host_key_fingerprint="SHA256:x", state="running"
        )
        visitor.view.apply_instances(GROUP, [moved], at=datetime.now(UTC))
        await visitor.run("true")
        assert len(visitor.logins) == 2

    async def test_a_program_that_was_started_anew_is_looked_at_again(self, simulated: Stage, visitor: Visitor) -> None:
        await visitor.run("true")
        (instance,) = await simulated.instances(GROUP)
        await simulated.call(
            "restart_container_group_instance", container_group_name=GROUP, container_group_instance_id=instance["id"]
        )

        await simulated.until_event(GROUP, "Instance Restarted")
        await simulated.until_running(GROUP)
        assert (await visitor.run("true"))[0] == 0


def _none_with(marker: str) -> Callable[[], Awaitable[bool]]:
    async def none() -> bool:
        return not processes_with(marker)

    return none
