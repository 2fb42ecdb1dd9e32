"""`scvk simulate` with SSH and the gateway: what it prints, refuses, and leaves behind when it is killed."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import ssl
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from scvk.simulator.run import run_simulate
from tests.integration.simulator.logins import AUTHORIZED, logged_in
from tests.integration.simulator.stage import DEADLINE_S, processes_with, until

PROGRAM = """
import sys
from pathlib import Path
from scvk.simulator.run import run_simulate
folder = Path(sys.argv[1])
sys.exit(run_simulate(speed=200, ssh_authorized_keys=folder / "keys", gateway_port=0, gateway_ca_file=folder / "ca"))
"""
LINES = 5  # base-url, organization, project, api-key, gateway


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM], ids=["KILL", "TERM"])
async def test_neither_process_nor_port_survives_it(tmp_path: Path, ending: signal.Signals) -> None:
    (tmp_path / "keys").write_text(AUTHORIZED)
    mark = str(60_000_000 + os.getpid() + ending)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        async with asyncio.timeout(DEADLINE_S):
            facts = dict([(await child.stdout.readline()).decode().split() for _ in range(LINES)])
        host, _, port = facts["gateway"].rpartition(":")
        instance = await running_web_server(facts)
        ssl.create_default_context(cafile=tmp_path / "ca")
        async with logged_in(instance) as connection:
            await connection.create_process(f"setsid nohup sleep {mark} & sleep {mark}")

            async def runs() -> bool:
                return bool(processes_with(mark))

            await until(runs, "the session runs")
            child.send_signal(ending)
            await asyncio.wait_for(child.wait(), DEADLINE_S)

            async def nothing_left() -> bool:
                return not processes_with(mark)

            await until(nothing_left, "no process is left")
        for address in ((host, int(port)), (instance["ssh_ip"], instance["ssh_port"])):
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(*address)
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def test_it_may_have_as_many_connections_as_the_machine_allows(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(AUTHORIZED)
    command = ["sh", "-c", 'ulimit -Sn 100; exec "$@"', "sh", sys.executable, "-c", PROGRAM, str(tmp_path)]
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert child.stdout is not None
        async with asyncio.timeout(DEADLINE_S):
            await child.stdout.readline()
        limits = Path(f"/proc/{child.pid}/limits").read_text().splitlines()
        soft, hard = next(line.split()[3:5] for line in limits if line.startswith("Max open files"))
        assert soft == hard
    finally:
        child.terminate()
        await child.wait()


async def running_web_server(facts: dict[str, str]) -> dict[str, Any]:
    headers = {"Salad-Api-Key": facts["api-key"]}
    url = f"{facts['base-url']}/organizations/{facts['organization']}/projects/{facts['project']}/containers"
    body = {
        "name": "web-server",
        "autostart_policy": True,
        "replicas": 1,
        "restart_policy": "always",
        "container": {"image": "nginx", "resources": {"cpu": 1, "memory": 1024}},
        "networking": {"protocol": "http", "port": 80, "auth": False},
    }
    async with httpx2.AsyncClient(headers=headers, timeout=DEADLINE_S, trust_env=False) as http:
        dns = (await http.post(url, json=body)).json()["networking"]["dns"]

        async def answers() -> bool:
            answer = await http.get(f"http://{facts['gateway']}/", headers={"Host": dns})
            return "Welcome to nginx!" in answer.text

        await until(answers, "the gateway passes requests on")
        (instance,) = (await http.get(f"{url}/web-server/instances")).json()["instances"]
    return dict(instance)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [(None, "cannot read"), ("", "holds no public key"), ("no key at all\n", "holds no public key")],
)
def test_a_key_file_that_cannot_be_used_is_one_line(tmp_path: Path, text: str | None, complaint: str) -> None:
    keys = tmp_path / "keys"
    if text is not None:
        keys.write_text(text)
    err = io.StringIO()
    assert run_simulate(ssh_authorized_keys=keys, err=err, out=io.StringIO()) == 1
    assert err.getvalue().startswith("scvk: --ssh-authorized-keys: ")
    assert complaint in err.getvalue()
    assert err.getvalue().count("\n") == 1


@pytest.mark.parametrize("host", ["::1", "localhost", "192.0.2.77"])
def test_an_ssh_address_that_cannot_be_had_is_one_line(host: str) -> None:
    err = io.StringIO()
    assert run_simulate(ssh_host=host, err=err, out=io.StringIO()) == 1
    assert err.getvalue().startswith("scvk: --ssh-host: ")
    assert err.getvalue().count("\n") == 1


def test_a_gateway_port_in_use_is_one_line(tmp_path: Path) -> None:
    err = io.StringIO()
    assert run_simulate(gateway_port=70_000, err=err, out=io.StringIO()) == 1
    assert "scvk: cannot listen on 127.0.0.1 port 70000" in err.getvalue()


def test_a_certificate_without_a_gateway_is_one_line(tmp_path: Path) -> None:
    err = io.StringIO()
    assert run_simulate(gateway_ca_file=tmp_path / "ca", err=err, out=io.StringIO()) == 1
    assert err.getvalue() == "scvk: --gateway-ca-file needs --gateway-port\n"


def test_a_certificate_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    err = io.StringIO()
    missing = tmp_path / "no" / "such" / "folder"
    assert run_simulate(gateway_port=0, gateway_ca_file=missing, err=err, out=io.StringIO()) == 1
    assert "scvk: --gateway-ca-file: cannot write" in err.getvalue()
