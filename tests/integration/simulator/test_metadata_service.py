"""The metadata service as a program inside an instance meets it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import asyncssh
import pytest

from tests.integration.docker_registry import program
from tests.integration.simulator.logins import logged_in, open_stage
from tests.integration.simulator.stage import Stage, until

CURL = "curl -sS --noproxy '*' -o /dev/stdout -w ' %{http_code}' -H 'Metadata: true' "
URL = "http://169.254.169.254/v1/"


@pytest.fixture
async def simulated() -> AsyncIterator[Stage]:
    program("curl", "curl")
    async with open_stage() as simulated:
        assert simulated.simulator.isolation_report == (), "these tests need namespaces"
        yield simulated


@pytest.fixture
async def connection(simulated: Stage) -> AsyncIterator[asyncssh.SSHClientConnection]:
    await simulated.create("inquirer", ["sleep", "1000"], "debian")
    async with logged_in(await simulated.until_running("inquirer")) as connection:
        yield connection


async def asked(connection: asyncssh.SSHClientConnection, what: str, *options: str) -> tuple[int, Any]:
    """Status and decoded body."""
    result = await connection.run(CURL + " ".join(options) + f" {URL}{what}")
    body, _, status = str(result.stdout).rpartition(" ")
    return int(status), json.loads(body) if body else None


async def test_status(connection: asyncssh.SSHClientConnection) -> None:
    assert await asked(connection, "status") == (200, {"ready": True, "started": True})


async def test_status_follows_the_probes(simulated: Stage) -> None:
    numbers = {"initial_delay_seconds": 0, "period_seconds": 1, "timeout_seconds": 20, "success_threshold": 1}
    probe = {"exec": {"command": ["test", "-e", "/tmp/ready"]}, **numbers, "failure_threshold": 20}
    await simulated.create("hesitant", ["sleep", "1000"], "debian", readiness_probe=probe)
    async with logged_in(await simulated.until_running("hesitant")) as connection:
        assert await asked(connection, "status") == (200, {"ready": False, "started": True})
        await connection.run("touch /tmp/ready")

        async def ready() -> bool:
            status, body = await asked(connection, "status")
            return (status, body) == (200, {"ready": True, "started": True})

        await until(ready, "the readiness probe has passed")


async def test_the_deletion_cost_is_the_one_of_the_api(
    simulated: Stage, connection: asyncssh.SSHClientConnection
) -> None:
    assert await asked(connection, "deletion-cost") == (200, {"deletion_cost": 0})
    put = ("-X PUT", "-H 'Content-Type: application/json'", """-d '{"deletion_cost": 70}'""")
    assert await asked(connection, "deletion-cost", *put) == (204, None)
    assert await asked(connection, "deletion-cost") == (200, {"deletion_cost": 70})
    (instance,) = await simulated.instances("inquirer")
    assert instance["deletion_cost"] == 70


@pytest.mark.parametrize(
    ("options", "what", "status"),
    [
        (("-H 'Metadata: false'",), "status", 403),
        (("-H 'X-Forwarded-For: 10.0.0.1'",), "status", 403),
        (("-X POST",), "status", 405),
        ((), "nothing", 404),
        ((), "token", 404),
        (("-X PUT", "-d nonsense"), "deletion-cost", 400),
        (("-X PUT", """-d '{"deletion_cost": 3000000000}'"""), "deletion-cost", 400),
        (("-X POST", """-d '{"reason": ""}'"""), "reallocate", 400),
        (("-X POST",), "reallocate", 400),
    ],
)
async def test_refusals_are_problems(
    connection: asyncssh.SSHClientConnection, options: tuple[str, ...], what: str, status: int
) -> None:
    command = (CURL.replace("-H 'Metadata: true' ", "") if "Metadata" in "".join(options) else CURL) + " ".join(options)
    result = await connection.run(f"{command} {URL}{what}")
    body, _, answered = str(result.stdout).rpartition(" ")
    assert (int(answered), json.loads(body)["status"]) == (status, status)


@pytest.mark.parametrize(
    ("action", "event", "options"),
    [
        ("reallocate", "Instance Reallocated by User", """-d '{"reason": "Insufficient VRAM"}'"""),
        ("recreate", "Instance Recreated", ""),
        ("restart", "Instance Restarted", ""),
    ],
)
async def test_an_instance_can_ask_for_another_start(simulated: Stage, action: str, event: str, options: str) -> None:
    script = (
        f"test -e /tmp/asked || {{ touch /tmp/asked; {CURL} -X POST {options} {URL}{action}; echo; }}; exec sleep 1000"
    )
    await simulated.create("restless", ["sh", "-c", script], "debian")
    await simulated.until_event("restless", event)

    async def answered() -> bool:
        return "204" in [str(line).strip() for line in await simulated.output("restless")]

    await until(answered, "it has its answer before its end")


async def test_it_leaves_port_80_of_all_addresses_to_the_program(simulated: Stage) -> None:
    await simulated.create("web-server", None, "nginx")
    async with logged_in(await simulated.until_running("web-server")) as connection:
        assert await asked(connection, "status") == (200, {"ready": True, "started": True})
        assert "Welcome to nginx!" in str((await connection.run("curl -s http://127.0.0.1/")).stdout)
