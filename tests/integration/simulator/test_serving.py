"""Serving over HTTP: faults on the connection, and the command's life and death."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from scvk.simulator.run import run_simulate
from scvk.simulator.service import AddressUnavailableError, serve
from tests.integration.simulator.stage import DEADLINE_S, KEY, Stage, processes_with, stage, until

QUOTAS = "/organizations/acme-corp/quotas"
HEADERS = {"Salad-Api-Key": KEY}


@pytest.fixture
async def simulated() -> AsyncIterator[Stage]:
    async with stage() as simulated:
        yield simulated


class TestFaults:
    async def fault(self, simulated: Stage, **fault: object) -> None:
        answer = await simulated.http.post(f"{simulated.served.url}/_simulator/faults", json=fault)
        assert answer.status_code == 201

    async def test_a_dropped_connection(self, simulated: Stage) -> None:
        await self.fault(simulated, kind="drop", count=1)
        with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
            await simulated.http.get(simulated.served.base_url + QUOTAS, headers=HEADERS)
        assert (await simulated.http.get(simulated.served.base_url + QUOTAS, headers=HEADERS)).status_code == 200

    async def test_an_answer_lost_after_the_effect(self, simulated: Stage) -> None:
        await self.fault(simulated, kind="drop", when="after", operations=["create_container_group"], count=1)
        with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
            await simulated.create("lost", ["sleep", "1000"])
        assert await simulated.status("lost") in {"pending", "deploying", "running"}

    async def test_a_hung_answer(self, simulated: Stage) -> None:
        await self.fault(simulated, kind="hang", count=1)
        with pytest.raises(httpx2.ReadTimeout):
            await simulated.http.get(simulated.served.base_url + QUOTAS, headers=HEADERS, timeout=0.3)
        assert (await simulated.http.get(simulated.served.base_url + QUOTAS, headers=HEADERS)).status_code == 200

    async def test_a_hung_answer_does_not_hold_up_the_end(self) -> None:
        async with asyncio.timeout(DEADLINE_S):
            async with stage() as simulated:
                await self.fault(simulated, kind="hang")
                url = simulated.served.base_url + QUOTAS
                hung = asyncio.create_task(simulated.http.get(url, headers=HEADERS))
                requests = f"{simulated.served.url}/_simulator/requests"

                async def seen() -> bool:
                    return bool((await simulated.http.get(requests)).json()["items"])

                await until(seen, "the request has arrived")
            with pytest.raises(httpx2.HTTPError):
                await hung


async def test_answers_on_a_kept_connection_do_not_wait_for_acknowledgements(simulated: Stage) -> None:
    url = simulated.served.base_url + QUOTAS
    took: list[float] = []
    for _ in range(20):
        began = time.perf_counter()
        await simulated.http.get(url, headers=HEADERS)
        took.append(time.perf_counter() - began)
    assert min(took[1:]) < 0.03, "a delayed acknowledgement takes 0.04 s"


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", id="no ASCII"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="TLS"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", id="negative length"),
        pytest.param(
            b"POST /api/public/organizations/acme-corp/log-entries HTTP/1.1\r\nHost: x\r\nSalad-Api-Key: "
            + KEY.encode()
            + b"\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            id="broken chunks",
        ),
    ],
)
async def test_what_is_no_http_gets_a_problem_too(simulated: Stage, request_bytes: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", simulated.served.port)
    async with asyncio.timeout(DEADLINE_S):
        writer.write(request_bytes)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"content-type: application/json" in head.lower()
    assert json.loads(body)["status"] == 400


async def test_an_address_in_use_is_a_clear_error(simulated: Stage) -> None:
    with pytest.raises(AddressUnavailableError, match="in use"):
        async with serve(simulated.simulator, "127.0.0.1", simulated.served.port):
            pass


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("192.0.2.77", 0), ("no such host", 0)])
def test_an_address_that_cannot_be_had_is_one_line_and_exit_code_1(host: str, port: int) -> None:
    err = io.StringIO()
    assert run_simulate(host=host, port=port, err=err, out=io.StringIO()) == 1
    assert err.getvalue().startswith("scvk: cannot listen on")
    assert err.getvalue().count("\n") == 1


def test_a_speed_of_zero_is_one_line_and_exit_code_1() -> None:
    err = io.StringIO()
    assert run_simulate(speed=0, err=err) == 1
    assert err.getvalue().count("\n") == 1


PROGRAM = """
import sys
from scvk.simulator.run import run_simulate
sys.exit(run_simulate(speed=200, isolation=sys.argv[1]))
"""


@asynccontextmanager
async def command(isolation: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, str]]]:
    """The command as a child process, and what it printed."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, isolation, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert child.stdout is not None
        async with asyncio.timeout(DEADLINE_S):
            lines = [(await child.stdout.readline()).decode() for _ in range(4)]
        yield child, dict(line.split() for line in lines)
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def three_instances(facts: dict[str, str], seconds: str) -> None:
    """Three running instances that sleep for a telling number of seconds, one with a child in its own session."""
    headers = {"Salad-Api-Key": facts["api-key"]}
    url = f"{facts['base-url']}/organizations/{facts['organization']}/projects/{facts['project']}/containers"
    script = f"setsid sleep {seconds} & sleep {seconds}"
    async with httpx2.AsyncClient(headers=headers, timeout=DEADLINE_S, trust_env=False) as http:
        for number in range(3):
            body = {
                "name": f"sleeper-{number}",
                "autostart_policy": True,
                "replicas": 1,
                "restart_policy": "always",
                "container": {
                    "image": "busybox",
                    "command": ["sh", "-c", script],
                    "resources": {"cpu": 1, "memory": 1024},
                },
            }
            assert (await http.post(url, json=body)).status_code == 201

    async def all_run() -> bool:
        return len(processes_with(f"sleep {seconds}".replace(" ", "\0"))) >= 6

    await until(all_run, "three programs with two processes each")


@pytest.mark.parametrize("isolation", ["auto", "none"])
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=["KILL", "TERM", "INT"])
async def test_no_process_survives_the_command(isolation: str, ending: signal.Signals) -> None:
    seconds = str(10_000_000 + os.getpid() * 10 + ending)
    async with command(isolation) as (child, facts):
        await three_instances(facts, seconds)
        child.send_signal(ending)
        status = await asyncio.wait_for(child.wait(), DEADLINE_S)
    assert status == (-9 if ending is signal.SIGKILL else 0)

    async def nothing_left() -> bool:
        return not processes_with(seconds)

    await until(nothing_left, "no process is left")


@pytest.mark.parametrize("isolation", ["auto", "none"])
async def test_programs_die_with_their_launcher_and_the_platform_says_so(isolation: str) -> None:
    seconds = str(20_000_000 + os.getpid())
    async with stage(isolation=isolation) as simulated:
        await simulated.create("sleeper", ["sleep", seconds], restart_policy="never")
        await simulated.until_running("sleeper")
        # The launcher is the parent of all programs; with user namespaces it has a parent of its own beside us.
        (program,) = processes_with(f"sleep\0{seconds}")
        status = Path(f"/proc/{program}/status").read_text()
        os.kill(int(status.split("PPid:")[1].split()[0]), signal.SIGKILL)
        await simulated.until_status("sleeper", "failed")
        assert processes_with(seconds) == []
        await simulated.create("later", ["sleep", seconds], restart_policy="never")
        await simulated.until_event("later", "StartFailure:-1")


async def test_its_port_is_free_again_after_sigkill() -> None:
    async with command("auto") as (child, facts):
        port = int(facts["base-url"].split(":")[2].split("/")[0])
        child.kill()
        await child.wait()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
