"""kubectl exec, cp, port-forward and logs, beside the same work over OpenSSH to the same instance.

kubectl, the API server, the agent, the simulator and what measures share one machine: what is limited is the share.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import shlex
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import httpx2

from scvk.bench_process import cpu_s, started_agent, started_simulator
from scvk.testbed import Testbed

NODE = "bench-remote"
GIGABYTE = 1_000_000_000
COMMANDS = 30
ECHOES = 200
LINES = 5000
_KEY = "bench-key"
_THERE = "/tmp/data"  # noqa: S108 - in the instance
_DEADLINE_S = 300.0
_SERVER = f"""
import socket, threading
listening = socket.create_server(("::", 8000), family=socket.AF_INET6, dualstack_ipv6=True)
block = bytes(1 << 20)
def serve(one):
    word = one.recv(1)
    if word == b"e":
        while data := one.recv(100): one.sendall(data)
    elif word == b"d":
        for _ in range({GIGABYTE} // len(block)): one.sendall(block)
    one.close()
while True:
    threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()
"""
"""What listens in the instance: it echoes after an "e", and pours after a "d"."""


@dataclass
class Measured:
    """By kubectl and by ssh: milliseconds of a command and of an echo, MB/s, lines a second; CPU seconds of a GB."""

    exec_ms: dict[str, tuple[float, ...]] = field(default_factory=dict)
    echo_ms: dict[str, tuple[float, ...]] = field(default_factory=dict)
    rates: dict[str, dict[str, float]] = field(default_factory=dict)
    cpu_s: dict[str, dict[str, float]] = field(default_factory=dict)
    lines: dict[str, float] = field(default_factory=dict)


async def measure(testbed: Testbed) -> Measured:
    """Needs OpenSSH's client, Linux namespaces, and 2 GB in the folder for temporary files."""
    with tempfile.TemporaryDirectory(prefix="scvk-bench-") as name:
        folder = Path(name)
        key = asyncssh.generate_private_key("ssh-ed25519")
        (folder / "authorized").write_bytes(key.export_public_key())
        (folder / "key").touch(mode=0o600)
        (folder / "key").write_bytes(key.export_private_key())
        words = ("--api-key", _KEY, "--speed", "100", "--ssh-authorized-keys", str(folder / "authorized"))
        async with (
            started_simulator(*words) as (url, simulator),
            started_agent(testbed, url, _KEY, NODE, "--ssh-private-key-file", str(folder / "key")) as agent,
        ):
            await testbed.apply(_POD)
            await testbed.kubectl("wait", "pod/bench-remote", "--for=condition=Ready", "--timeout=60s", timeout_s=90)
            instance = await _instance(url)
            api_server = testbed.pid("kube-apiserver")
            assert api_server is not None
            processes = {"agent": agent.pid, "simulator": simulator, "API server": api_server}
            return await _Bench(testbed, folder, instance, processes).measure()


class _Bench:
    def __init__(self, testbed: Testbed, folder: Path, instance: dict[str, Any], processes: dict[str, int]) -> None:
        self._testbed = testbed
        self._folder = folder
        options = ("BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")
        self._ssh = [
            "ssh",
            *("-F", "none", "-i", str(folder / "key"), "-p", str(instance["ssh_port"])),
            *(word for option in options for word in ("-o", option)),
            f"root@{instance['ssh_ip']}",
        ]
        self._processes = processes
        self.found = Measured()

    async def measure(self) -> Measured:
        exec_ = self._kubectl("exec", "bench-remote", "--")
        await _run([*exec_, "true"])
        self.found.exec_ms = {
            "kubectl": tuple([1000 * await _seconds([*exec_, "true"]) for _ in range(COMMANDS)]),
            "ssh": tuple([1000 * await _seconds([*self._ssh, "true"]) for _ in range(COMMANDS)]),
        }
        data = self._folder / "data"
        with data.open("wb") as file:
            for _ in range(GIGABYTE // 10_000_000):
                file.write(os.urandom(10_000_000))
        await self._copies(data, exec_)
        await self._ports()
        await self._log()
        return self.found

    async def _copies(self, data: Path, exec_: Sequence[str]) -> None:
        back = self._folder / "back"
        copy = self._kubectl("cp", "--retries=1")
        await self._rate("into the pod", "kubectl", [*copy, str(data), f"bench-remote:{_THERE}"])
        await self._rate("out of the pod", "kubectl", [*copy, f"bench-remote:{_THERE}", str(back)])
        await _run([*exec_, "rm", _THERE])
        tar = f"tar -C {self._folder} -cf - data"
        shell, ssh = ["sh", "-c"], shlex.join(self._ssh)
        await self._rate("into the pod", "ssh", [*shell, f"{tar} | {ssh} 'tar -C /tmp -xf -'"])
        await self._rate(
            "out of the pod", "ssh", [*shell, f"{ssh} 'tar -C /tmp -cf - data' | tar -C {back.parent} -xf -"]
        )
        data.unlink()
        back.unlink(missing_ok=True)
        await _run([*exec_, "rm", "-f", _THERE])

    async def _ports(self) -> None:
        async with _forwarding(self._kubectl("port-forward", "pod/bench-remote", ":8000"), None) as port:
            await self._port(port, "kubectl")
        port = _free_port()
        async with _forwarding([*self._ssh[:-1], "-N", "-L", f"{port}:localhost:8000", self._ssh[-1]], port) as port:
            await self._port(port, "ssh")

    async def _port(self, port: int, way: str) -> None:
        await self._timed("through a port", way, lambda: _download(port))
        self.found.echo_ms[way] = await _echoes(port)

    async def _log(self) -> None:
        async def complete() -> float:
            started = time.perf_counter()
            shown = await _run(self._kubectl("logs", "bench-remote", f"--tail={LINES}"))
            return time.perf_counter() - started if shown.count(b"\n") == LINES else 0.0

        async with asyncio.timeout(_DEADLINE_S):
            while not (seconds := await complete()):  # noqa: ASYNC110
                await asyncio.sleep(1)  # the platform's log is in another process
        self.found.lines["kubectl"] = LINES / seconds
        self.found.lines["ssh"] = LINES / await _seconds([*self._ssh, f"seq -f 'this is line %g' {LINES}"])

    def _kubectl(self, *words: str) -> list[str]:
        return [str(self._testbed.kubectl_path), "--kubeconfig", str(self._testbed.kubeconfig), *words]

    async def _rate(self, what: str, way: str, command: Sequence[str]) -> None:
        await self._timed(what, way, lambda: _run(command))

    async def _timed(self, what: str, way: str, work: Callable[[], Awaitable[object]]) -> None:
        before, own = {name: cpu_s(pid) for name, pid in self._processes.items()}, _children_cpu_s()
        started = time.perf_counter()
        await work()
        self.found.rates.setdefault(what, {})[way] = GIGABYTE / 1e6 / (time.perf_counter() - started)
        spent = {name: cpu_s(pid) - before[name] for name, pid in self._processes.items()}
        if (client := _children_cpu_s() - own) > 0:
            spent[way] = client
        self.found.cpu_s[f"{what}, {way}"] = spent


async def _run(command: Sequence[str]) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(_DEADLINE_S):
        out, err = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{shlex.join(command)}: {err.decode(errors='replace')}")
    return out


async def _seconds(command: Sequence[str]) -> float:
    started = time.perf_counter()
    await _run(command)
    return time.perf_counter() - started


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def _download(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    writer.write(b"d")
    size = 0
    while data := await reader.read(1 << 20):
        size += len(data)
    writer.close()
    if size < 0.9 * GIGABYTE:
        raise RuntimeError(f"only {size} bytes came through the port")


async def _echoes(port: int) -> tuple[float, ...]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"e")
    found = []
    for _ in range(ECHOES):
        started = time.perf_counter()
        writer.write(b"x")
        await reader.readexactly(1)
        found.append(1000 * (time.perf_counter() - started))
    writer.close()
    return tuple(found)


@asynccontextmanager
async def _forwarding(command: Sequence[str], port: int | None) -> AsyncIterator[int]:
    """Run what forwards a port, which is known, or said by it; yields when it can be connected to."""
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(30):
            if port is None:
                assert process.stdout is not None
                line = (await process.stdout.readline()).decode()
                match = re.search(r":(\d+) ->", line)
                if match is None:
                    raise RuntimeError(f"kubectl port-forward said {line!r}")
                port = int(match.group(1))
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except ConnectionError:
                    await asyncio.sleep(0.05)
                    continue
                writer.close()
                break
        yield port
    finally:
        process.terminate()
        await process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


async def _instance(url: str) -> dict[str, Any]:
    async with httpx2.AsyncClient(headers={"Salad-Api-Key": _KEY}, timeout=60, trust_env=False) as http:
        groups = f"{url}/organizations/acme-corp/projects/default/containers"
        (group,) = (await http.get(groups)).json()["items"]
        (instance,) = (await http.get(f"{groups}/{group['name']}/instances")).json()["instances"]
        return dict(instance)


_COMMAND = f"seq -f 'this is line %g' {LINES}; exec {shlex.quote(sys.executable)} -c {shlex.quote(_SERVER)}"
_CONTAINER = {
    "name": "main",
    "image": "debian:13",
    "command": ["sh", "-c", _COMMAND],
    "resources": {"requests": {"ephemeral-storage": "5Gi"}, "limits": {"ephemeral-storage": "5Gi"}},
}
_POD = json.dumps(
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "bench-remote"},
        "spec": {"nodeName": NODE, "containers": [_CONTAINER]},
    }
)
