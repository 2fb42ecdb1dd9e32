"""`kubectl cp`, `port-forward` and `attach` through the real API server."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shlex
import sys
from collections.abc import Mapping

import httpx2
import pytest

from tests.e2e.processes import until
from tests.e2e.remote import SPDY_ONLY, forwarded_port, kubectl_done, kubectl_running, sleeper
from tests.e2e.stage import Stage

HUNDRED_MB = 100_000_000
CLIENTS = [pytest.param({}, id="websocket"), pytest.param(SPDY_ONLY, id="spdy")]


@pytest.mark.parametrize("environment", CLIENTS)
async def test_a_large_file_is_the_same_on_the_other_side_and_back(
    stage: Stage, environment: Mapping[str, str]
) -> None:
    await stage.agent_with_ssh()
    await stage.apply(sleeper(workingDir="/tmp"))
    await stage.ready_pods(1)
    there, back = stage.folder / "there", stage.folder / "back"
    there.write_bytes(os.urandom(HUNDRED_MB))
    copied = await kubectl_done(stage, "cp", str(there), "app:/tmp/it", environment=environment)
    assert copied[0] == 0, copied
    _, shown, _ = await kubectl_done(stage, "exec", "app", "--", "sha256sum", "/tmp/it")
    assert shown.split()[0].decode() == hashlib.sha256(there.read_bytes()).hexdigest()
    copied = await kubectl_done(stage, "cp", "app:/tmp/it", str(back), environment=environment)
    assert copied[0] == 0, copied
    assert back.read_bytes() == there.read_bytes()


@pytest.mark.parametrize("environment", CLIENTS)
async def test_ports_are_forwarded_many_at_once_and_refusals_are_told(
    stage: Stage, environment: Mapping[str, str]
) -> None:
    await stage.agent_with_ssh()
    serve = (
        f"cd /tmp; head -c 5000000 /dev/urandom > it; exec {shlex.quote(sys.executable)} -m http.server 8000 --bind ::"
    )
    await stage.apply(sleeper(command=["sh", "-c", serve]))
    await stage.ready_pods(1)
    _, shown, _ = await kubectl_done(stage, "exec", "app", "--", "sha256sum", "/tmp/it")
    words = ("port-forward", "pod/app", ":8000", ":81")
    async with kubectl_running(stage, *words, environment=environment) as kubectl:
        http, refused = await forwarded_port(kubectl), await forwarded_port(kubectl)
        async with httpx2.AsyncClient(timeout=60, trust_env=False) as client:

            async def digest(_: int) -> str:
                answer = await client.get(f"http://127.0.0.1:{http}/it")
                return hashlib.sha256(answer.content).hexdigest()

            async def serves() -> bool:
                try:
                    return (await client.get(f"http://127.0.0.1:{http}/")).status_code == 200
                except httpx2.TransportError:
                    return False

            await until("the program serves", serves)
            digests = await asyncio.gather(*map(digest, range(20)))
        assert set(digests) == {shown.split()[0].decode()}
        reader, writer = await asyncio.open_connection("127.0.0.1", refused)
        async with asyncio.timeout(30):
            assert await reader.read() == b""
        writer.close()
        assert kubectl.stderr is not None
        async with asyncio.timeout(30):
            complaint = b""
            while b"connection refused" not in complaint:
                complaint += await kubectl.stderr.readline()


async def test_attach_shows_output_from_now_on_and_refuses_input(stage: Stage) -> None:
    await stage.agent_with_ssh()
    script = "i=0; while :; do echo line $i; i=$((i+1)); sleep 1; done"
    await stage.apply(sleeper(command=["sh", "-c", script]))
    await stage.ready_pods(1)
    async with kubectl_running(stage, "attach", "app") as kubectl, asyncio.timeout(60):
        assert kubectl.stdout is not None
        seen = [await kubectl.stdout.readline() for _ in range(3)]
    numbers = [int(line.split()[1]) for line in seen]
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    code, _, complaint = await kubectl_done(stage, "attach", "-i", "app", stdin=b"hello")
    assert code == 1
    assert b"nothing can be attached to its standard input" in complaint
