"""`kubectl exec` through the real API server, into instances that are real processes."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import struct
import sys
import termios
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.processes import until
from tests.e2e.remote import SPDY_ONLY, kubectl_done, kubectl_environment, kubectl_running, sleeper
from tests.e2e.stage import Stage
from tests.integration.simulator.stage import processes_with

CLIENT = """
import json, sys
from kubernetes import client, config
from kubernetes.stream import stream
config.load_kube_config(sys.argv[1])
api = client.CoreV1Api()
words = ["sh", "-c", "read line; echo got $line; echo err >&2; exit 3"]
answer = stream(api.connect_get_namespaced_pod_exec, "app", sys.argv[2], command=words, stderr=True, stdin=True,
                stdout=True, tty=False, _preload_content=False)
answer.write_stdin("hello\\n")
answer.run_forever(timeout=30)
print(json.dumps([answer.read_stdout(), answer.read_stderr(), answer.returncode]))
"""
"""The Python client as its users have it, which speaks the protocol v4.channel.k8s.io."""


async def test_a_command_runs_with_the_pods_variables_directory_and_streams(stage: Stage) -> None:
    await stage.agent_with_ssh()
    env = [
        {"name": "PLAIN", "value": "a value"},
        {"name": "LINES", "value": "one\ntwo 'quoted'\n"},
        {"name": "odd.name", "value": "odd"},
        {"name": "EMPTY", "value": ""},
    ]
    await stage.apply(sleeper(env=env, workingDir="/var/tmp"))
    await stage.ready_pods(1)
    _, shown, _ = await kubectl_done(stage, "exec", "app", "--", "env", "-0")
    variables = dict(entry.split("=", 1) for entry in shown.decode().split("\0") if entry)
    assert {name: variables.get(name) for name in ("PLAIN", "LINES", "odd.name", "EMPTY")} == {
        each["name"]: each["value"] for each in env
    }
    assert variables["HOSTNAME"]
    assert not [name for name in variables if name.startswith("SSH_")]
    assert await kubectl_done(stage, "exec", "app", "--", "pwd") == (0, b"/var/tmp\n", b"")
    words = [b"a b", b"", b"'", b'"$HOME"', b"line\nbreak", b"\xff\xfe", b"*", b"\\", b"-n"]
    done = await kubectl_done(stage, "exec", "app", "--", "printf", "%s|", *map(os.fsdecode, words))
    assert done == (0, b"".join(word + b"|" for word in words), b"")


@pytest.mark.parametrize("environment", [pytest.param({}, id="websocket"), pytest.param(SPDY_ONLY, id="spdy")])
async def test_streams_are_apart_and_ends_are_told(stage: Stage, environment: Mapping[str, str]) -> None:
    await stage.agent_with_ssh()
    await stage.apply(sleeper())
    await stage.ready_pods(1)

    async def done(*words: str, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
        return await kubectl_done(stage, "exec", *words, stdin=stdin, environment=environment)

    code, out, err = await done("app", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (code, out, err) == (7, b"out\n", b"err\ncommand terminated with exit code 7\n")
    sent = os.urandom(3_000_000)
    assert await done("-i", "app", "--", "cat", stdin=sent) == (0, sent, b"")
    assert (await done("app", "--", "sh", "-c", "kill -9 $$"))[0] == 137
    assert (await done("app", "--", "sh", "-c", "no-such-program"))[0] == 127
    code, out, err = await done("app", "--", "no-such-program")
    assert (code, out) == (1, b"")
    assert b'exec: "no-such-program": executable file not found in $PATH' in err
    code, _, err = await done("app", "-c", "other", "--", "true")
    assert code == 1
    assert b"container other is not valid" in err or b"container not found" in err


async def test_a_terminal_has_the_size_of_the_clients_and_follows_it(stage: Stage) -> None:
    await stage.agent_with_ssh()
    await stage.apply(sleeper())
    await stage.ready_pods(1)
    master, slave = os.openpty()
    resize(slave, rows=33, columns=101)
    script = "tty >/dev/null && echo TERM=$TERM; while read x; do stty size; done; exit 5"
    try:
        async with kubectl_running(
            stage, "exec", "-it", "app", "--", "sh", "-c", script, stdin=slave, stdout=slave, stderr=slave
        ) as kubectl:
            await said(master, b"TERM=xterm")
            os.write(master, b"\n")
            await said(master, b"33 101")
            resize(slave, rows=40, columns=120)
            kubectl.send_signal(signal.SIGWINCH)
            await asyncio.sleep(0.5)  # nobody says when a program has heard of a new size
            os.write(master, b"\n")
            await said(master, b"40 120")
            os.write(master, b"\x04")
            async with asyncio.timeout(30):
                assert await kubectl.wait() == 5
    finally:
        os.close(master)
        os.close(slave)


async def test_the_python_client_speaks_its_older_protocol(stage: Stage) -> None:
    await stage.agent_with_ssh()
    await stage.apply(sleeper())
    await stage.ready_pods(1)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        CLIENT,
        str(stage.testbed.kubeconfig),
        stage.namespace,
        env=kubectl_environment(stage),
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    assert json.loads(out) == ["got hello\n", "err\n", 3]


async def test_a_client_that_vanishes_ends_its_command(stage: Stage) -> None:
    await stage.agent_with_ssh()
    await stage.apply(sleeper())
    await stage.ready_pods(1)
    marker = f"marker-{stage.namespace}"
    script = f"trap '' TERM HUP; echo begun; while :; do sleep 0.2 {marker}; sleep 0.2; done"
    async with kubectl_running(stage, "exec", "app", "--", "sh", "-c", script) as kubectl:
        assert kubectl.stdout is not None
        assert await kubectl.stdout.readline() == b"begun\n"
        assert commands_with(marker)
        kubectl.kill()

    async def gone() -> bool:
        return not commands_with(marker)

    await until("the command has ended, which ignores every signal that it can", gone, within=30)


async def test_an_agent_that_stops_ends_the_commands_and_disturbs_no_pod(stage: Stage) -> None:
    agent = await stage.agent_with_ssh()
    await stage.apply(sleeper())
    (before,) = await stage.ready_pods(1)
    marker = f"marker-{stage.namespace}"
    script = f"trap '' TERM HUP; echo begun; while :; do sleep 0.2; : {marker}; done"
    async with (
        kubectl_running(stage, "exec", "app", "--", "sh", "-c", script) as kubectl,
        kubectl_running(stage, "logs", "-f", "app"),
    ):
        assert kubectl.stdout is not None
        assert await kubectl.stdout.readline() == b"begun\n"
        assert commands_with(marker)
        assert await agent.stop() == 0
        assert not commands_with(marker)
    assert "Traceback" not in agent.output()
    (after,) = await stage.pods()
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["status"]["phase"] == "Running"


async def test_without_a_key_people_are_told_what_to_do(stage: Stage) -> None:
    await stage.running_agent("--kubelet-port", "0")
    await stage.apply(sleeper())
    await stage.ready_pods(1)
    code, _, complaint = await kubectl_done(stage, "exec", "app", "--", "true")
    assert code == 1
    assert b"no SSH key is configured" in complaint
    assert b"--ssh-private-key-file" in complaint


def commands_with(marker: str) -> list[int]:
    """Shells in instances that run a marked script: not kubectl, whose command line has it too."""
    return [number for number in processes_with(marker) if Path(f"/proc/{number}/exe").readlink().name.endswith("sh")]


def resize(terminal: int, *, rows: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


async def said(master: int, words: bytes) -> None:
    """Wait until a terminal has shown some words."""
    seen = b""
    async with asyncio.timeout(30):
        while words not in seen:
            seen += await asyncio.to_thread(os.read, master, 4096)
