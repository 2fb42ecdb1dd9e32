"""Logging into instances by SSH: who gets in, commands, terminals, streams, and their end."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import signal
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import asyncssh
import pytest

from tests.integration.simulator.logins import KEY, STRANGER, OpenSsh, finished, logged_in, open_stage
from tests.integration.simulator.stage import DEADLINE_S, Stage, processes_with, stage, until

FIFTY_MB = 50_000_000


@pytest.fixture(params=["auto", "none"])
async def simulated(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """Everything here holds with and without isolation."""
    async with open_stage(isolation=request.param) as simulated:
        yield simulated


@pytest.fixture
async def connection(simulated: Stage) -> AsyncIterator[asyncssh.SSHClientConnection]:
    await simulated.create("shell", ["sleep", "1000"], environment={"CONTAINERS_OWN": "yes"})
    async with logged_in(await simulated.until_running("shell")) as connection:
        yield connection


class TestWhoGetsIn:
    async def test_root_with_a_configured_key(self, simulated: Stage, tmp_path: Path) -> None:
        await simulated.create("shell", ["sleep", "1000"])
        ssh = OpenSsh(await simulated.until_running("shell"), tmp_path)
        assert (await ssh.run("id -un")).out == b"root\n"

    async def test_nobody_with_another_key(self, simulated: Stage, tmp_path: Path) -> None:
        await simulated.create("shell", ["sleep", "1000"])
        ssh = OpenSsh(await simulated.until_running("shell"), tmp_path, STRANGER)
        refused = await ssh.run("id")
        assert refused.status == 255
        assert b"Permission denied (publickey)" in refused.err

    async def test_no_other_user(self, simulated: Stage) -> None:
        await simulated.create("shell", ["sleep", "1000"])
        instance = await simulated.until_running("shell")
        with pytest.raises(asyncssh.PermissionDenied):
            await asyncssh.connect(
                instance["ssh_ip"], instance["ssh_port"], username="daemon", client_keys=[KEY], known_hosts=None
            )

    async def test_nobody_when_no_key_is_configured(self) -> None:
        async with stage() as simulated:
            await simulated.create("shell", ["sleep", "1000"])
            with pytest.raises(asyncssh.PermissionDenied):
                async with logged_in(await simulated.until_running("shell")):
                    pass


class TestCommands:
    async def test_output_error_and_status_are_kept_apart(self, connection: asyncssh.SSHClientConnection) -> None:
        result = await connection.run("echo out; echo err >&2; exit 7")
        assert (result.stdout, result.stderr, result.exit_status) == ("out\n", "err\n", 7)

    async def test_a_signal_that_ended_it_is_named(self, connection: asyncssh.SSHClientConnection) -> None:
        result = await connection.run("kill -TERM $$")
        assert result.exit_signal is not None
        assert result.exit_signal[0] == "TERM"

    async def test_the_environment_is_a_login_s_and_not_the_container_s(
        self, connection: asyncssh.SSHClientConnection
    ) -> None:
        result = await connection.run("env; pwd", env={"LANG": "C", "ASKED_FOR": "yes"})
        lines = str(result.stdout).split()
        seen = dict(line.split("=", 1) for line in lines[:-1] if "=" in line)
        assert {name: seen[name] for name in ("USER", "LOGNAME")} == {"USER": "root", "LOGNAME": "root"}
        assert seen["HOME"] == seen["PWD"] == lines[-1]
        assert seen["SSH_CONNECTION" if "SSH_CONNECTION" in seen else "SSH_CLIENT"]
        assert not {"CONTAINERS_OWN", "ASKED_FOR", "LANG", "SALAD_INSTANCE_ID"} & set(seen)

    async def test_signals_reach_the_process_group(self, connection: asyncssh.SSHClientConnection) -> None:
        async with connection.create_process("trap 'echo told; exit 3' INT; echo up; while :; do sleep 0.1; done") as p:
            assert await p.stdout.readline() == "up\n"
            p.send_signal("INT")
            assert (await p.stdout.readline(), (await p.wait()).exit_status) == ("told\n", 3)

    async def test_standard_input_ends_and_output_goes_on(self, connection: asyncssh.SSHClientConnection) -> None:
        async with connection.create_process("wc -c; echo after") as process:
            process.stdin.write("12345")
            process.stdin.write_eof()
            assert await process.stdout.read() == "5\nafter\n"

    async def test_a_command_that_does_not_read_its_input_ends(self, connection: asyncssh.SSHClientConnection) -> None:
        result = await connection.run("exec 0<&-; sleep 0.1; echo done", input="x" * 3_000_000)
        assert result.stdout == "done\n"

    async def test_fifty_megabytes_there_and_back(self, connection: asyncssh.SSHClientConnection) -> None:
        data = random.Random(1).randbytes(FIFTY_MB)
        result = await connection.run("cat", input=data, encoding=None)
        assert isinstance(result.stdout, bytes)
        assert hashlib.sha256(result.stdout).digest() == hashlib.sha256(data).digest()

    async def test_a_slow_reader_stops_the_writer(
        self, connection: asyncssh.SSHClientConnection, tmp_path: Path
    ) -> None:
        """A client that does not read must not let a program write for ever into somebody's memory."""
        done = f"{tmp_path}/written"
        command = f"mkdir -p {tmp_path}; head -c 30000000 /dev/zero; touch {done}"
        process = await connection.create_process(command, encoding=None, window=65536)
        await process.stdout.readexactly(65536)
        process.channel.pause_reading()
        assert (await connection.run(f"sleep 0.3; test -e {done}")).exit_status == 1
        process.channel.resume_reading()
        assert len(await process.stdout.read()) == 30_000_000 - 65536
        assert (await connection.run(f"test -e {done}")).exit_status == 0

    async def test_a_hundred_at_once(self, connection: asyncssh.SSHClientConnection) -> None:
        results = await asyncio.gather(*(connection.run(f"echo {number}; exit {number}") for number in range(100)))
        assert [(r.stdout, r.exit_status) for r in results] == [(f"{number}\n", number) for number in range(100)]

    async def test_a_command_may_be_any_bytes(self, simulated: Stage, tmp_path: Path) -> None:
        await simulated.create("shell", ["sleep", "1000"])
        ssh = OpenSsh(await simulated.until_running("shell"), tmp_path)
        result = await finished([*map(os.fsencode, ssh.command()), b"printf %s \xe4\xff\xc3\xa4"])
        assert (result.status, result.out, result.err) == (0, b"\xe4\xff\xc3\xa4", b"")

    async def test_openssh_hands_through_status_and_streams(self, simulated: Stage, tmp_path: Path) -> None:
        await simulated.create("shell", ["sleep", "1000"])
        ssh = OpenSsh(await simulated.until_running("shell"), tmp_path)
        result = await ssh.run("cat; echo err >&2; exit 42", data=b"typed\n")
        assert (result.status, result.out, result.err) == (42, b"typed\n", b"err\n")
        data = random.Random(2).randbytes(FIFTY_MB)
        assert (await ssh.run("cat", data=data)).out == data


class TestTerminals:
    async def test_a_shell_has_a_terminal_of_the_size_asked_for_and_follows_it(
        self, connection: asyncssh.SSHClientConnection
    ) -> None:
        async with connection.create_process(term_type="vt100", term_size=(99, 33)) as process:
            process.stdin.write("tty; echo $TERM; stty size; echo 'is'-up\n")
            before = await process.stdout.readuntil("is-up")
            process.change_terminal_size(88, 22)
            process.stdin.write("stty size; exit 5\n")
            after = await process.stdout.read()
            status = (await process.wait()).exit_status
        assert "/dev/pts/" in before
        assert "vt100" in before
        assert "33 99" in before
        assert "22 88" in after
        assert status == 5

    async def test_control_c_interrupts_the_foreground(self, connection: asyncssh.SSHClientConnection) -> None:
        async with connection.create_process("echo up; sleep 1000", term_type="vt100") as process:
            assert "up" in await process.stdout.readline()
            process.stdin.write("\x03")
            result = await process.wait()
        assert result.exit_signal is not None
        assert result.exit_signal[0] == "INT"

    async def test_modes_are_the_client_s(self, connection: asyncssh.SSHClientConnection) -> None:
        modes = {asyncssh.PTY_ECHO: 0, asyncssh.PTY_VINTR: 4}
        async with connection.create_process("stty -a", term_type="vt100", term_modes=modes) as process:
            shown = await process.stdout.read()
        assert " -echo " in shown
        assert "intr = ^D" in shown

    async def test_openssh_with_a_forced_terminal(self, simulated: Stage, tmp_path: Path) -> None:
        await simulated.create("shell", ["sleep", "1000"])
        ssh = OpenSsh(await simulated.until_running("shell"), tmp_path)
        result = await ssh.run("tty; exit 3", options=("-tt",))
        assert result.status == 3
        assert result.out.startswith(b"/dev/pts/")


class TestEnds:
    async def test_a_session_ends_with_its_instance(self, simulated: Stage) -> None:
        mark = str(30_000_000 + os.getpid())
        await simulated.create("shell", ["sleep", "1000"])
        async with logged_in(await simulated.until_running("shell")) as connection:
            process = await connection.create_process(f"setsid sleep {mark} & sleep {mark}")
            await until(lambda: some_run(mark), "the session runs")
            await simulated.call("stop_container_group", container_group_name="shell")
            async with asyncio.timeout(DEADLINE_S):
                await process.wait()
                await connection.wait_closed()
            await until(lambda: none_run(mark), "nothing of it is left")

    async def test_a_terminal_hangs_up_with_its_client_and_pipes_are_only_closed(self, simulated: Stage) -> None:
        """As with sshd: what has no terminal is left to notice that nobody reads or writes any more."""
        number = 100 * os.getpid()
        hung_up, left, reading, writing = (str(40_000_000 + number + more) for more in range(4))
        await simulated.create("shell", ["sleep", "1000"])
        async with logged_in(await simulated.until_running("shell")) as connection:
            await connection.create_process(f"sleep {hung_up}; true", term_type="vt100")
            await connection.create_process(f"sleep {left}; true")
            await connection.create_process(f"cat {reading} -; true")
            await connection.create_process(f"while echo {writing}; do sleep 0.1; done")
            for mark in (hung_up, left, reading, writing):
                await until(partial(some_run, mark), "all sessions run")
            connection.abort()
            for mark in (hung_up, reading, writing):
                await until(partial(none_run, mark), "three have ended")
            assert await some_run(left)
            await simulated.call("stop_container_group", container_group_name="shell")
            await until(lambda: none_run(left), "it ends with the instance")

    async def test_ssh_is_shown_only_while_it_runs(self, simulated: Stage) -> None:
        await simulated.create("shell", ["sh", "-c", "exec sleep 1000"])
        first = await simulated.until_running("shell")
        await simulated.call(
            "reallocate_container_group_instance",
            container_group_name="shell",
            container_group_instance_id=first["id"],
        )
        (moving,) = await simulated.instances("shell")
        assert not {"ssh_ip", "ssh_port", "ssh_host_key_fingerprint"} & set(moving)
        second = await simulated.until_running("shell")
        assert second["ssh_host_key_fingerprint"] != first["ssh_host_key_fingerprint"]
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(first["ssh_ip"], first["ssh_port"])

    async def test_a_restarted_container_keeps_its_host_key(self, simulated: Stage) -> None:
        await simulated.create("shell", ["sleep", "1000"])
        first = await simulated.until_running("shell")
        await simulated.call(
            "restart_container_group_instance",
            container_group_name="shell",
            container_group_instance_id=first["id"],
        )
        await simulated.until_event("shell", "Instance Restarted")
        second = await simulated.until_running("shell")
        assert second["ssh_host_key_fingerprint"] == first["ssh_host_key_fingerprint"]


async def some_run(mark: str, count: int = 1) -> bool:
    return len(processes_with(mark)) >= count


async def none_run(mark: str) -> bool:
    return not processes_with(mark)


async def test_the_container_can_be_looked_at_through_its_first_process() -> None:
    async with open_stage() as simulated:
        await simulated.create("shell", ["sh", "-c", "cd /var && exec sleep 1000"], environment={"SECRET": "a b"})
        async with logged_in(await simulated.until_running("shell")) as connection:
            result = await connection.run("tr '\\0' '\\n' < /proc/1/environ; readlink /proc/1/cwd; hostname; pwd")
            lines = str(result.stdout).splitlines()
    assert "SECRET=a b" in lines
    assert lines[-3] == "/var"
    assert lines[-1] == "/root"


async def test_no_process_of_a_session_survives_the_simulator() -> None:
    mark = str(50_000_000 + os.getpid())
    async with open_stage() as simulated:
        await simulated.create("shell", ["sleep", "1000"])
        async with logged_in(await simulated.until_running("shell")) as connection:
            await connection.create_process(f"trap '' HUP; sleep {mark}; true")
            await until(lambda: some_run(mark), "the session runs")
            (launcher,) = {parent(process) for process in processes_with(mark)} - set(processes_with(mark))
            os.kill(launcher, signal.SIGKILL)
            await until(lambda: none_run(mark), "it died with the launcher")


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/status").read_text().split("PPid:")[1].split()[0])
