"""What one instance can see and reach, where the kernel allows namespaces."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.simulator.stage import Stage, stage, until


@pytest.fixture
async def simulated() -> AsyncIterator[Stage]:
    async with stage() as simulated:
        assert simulated.simulator.isolation_report == (), "these tests need namespaces"
        yield simulated


def web_probe(**handler: Any) -> dict[str, Any]:
    return {
        **handler,
        "initial_delay_seconds": 0,
        "period_seconds": 2,
        "timeout_seconds": 20,
        "success_threshold": 1,
        "failure_threshold": 3,
    }


async def test_three_web_servers_on_port_80_at_once(simulated: Stage) -> None:
    checked = web_probe(
        http={"path": "/", "port": 80, "scheme": "http", "headers": [{"name": "X-Probe", "value": "yes"}]}
    )
    names = ["web-1", "web-2", "web-3"]
    for name, image in zip(names, ["nginx:1.27", "httpd:2.4", "docker.io/library/nginx"], strict=True):
        await simulated.create(name, None, image, readiness_probe=checked)
    for name in names:
        await simulated.until_event(name, "Instance Ready (Readiness Probe Passed)")
        (instance,) = await simulated.instances(name)
        assert (instance["ready"], instance["started"]) == (True, True)
        assert any("GET / HTTP/1.1" in line for line in await simulated.output(name))


@pytest.mark.parametrize(
    ("handler", "ready"),
    [
        ({"tcp": {"port": 80}}, True),
        ({"tcp": {"port": 81}}, False),
        ({"http": {"path": "/nothing", "port": 80, "scheme": "http", "headers": [{"name": "a", "value": "b"}]}}, False),
        ({"http": {"path": "/", "port": 80, "scheme": "https", "headers": [{"name": "a", "value": "b"}]}}, False),
        ({"grpc": {"port": 80, "service": ""}}, False),
    ],
    ids=["tcp", "tcp refused", "http 404", "https to http", "grpc to http"],
)
async def test_handlers_of_probes(simulated: Stage, handler: dict[str, Any], *, ready: bool) -> None:
    await simulated.create("web", None, "nginx", readiness_probe=web_probe(**handler))
    event = "Instance Ready (Readiness Probe Passed)" if ready else "Instance Not Ready (Readiness Probe Failure)"
    await simulated.until_event("web", event)
    assert (await simulated.instances("web"))[0]["ready"] is ready


async def test_an_instance_has_its_own_processes_host_name_and_network(simulated: Stage) -> None:
    script = (
        "echo pid=$$; echo count=$(ls -d /proc/[0-9]* | wc -l); echo host=$(hostname); "
        "echo links=$(ls /sys/class/net | tr '\\n' ' '); echo caps=$(grep CapEff /proc/self/status)"
    )
    await simulated.create("alone", ["sh", "-c", script], restart_policy="never")
    await simulated.until_status("alone", "succeeded")
    seen = dict(line.split("=", 1) for line in await simulated.output("alone"))
    assert seen["pid"] == "1"
    assert int(seen["count"]) < 8
    assert len(seen["host"]) == 36
    assert seen["links"].split() == ["imds0", "lo"], "beside loopback only the way to the metadata service"
    assert int(seen["caps"].split()[1], 16) & 1 << 21 == 0, "CAP_SYS_ADMIN is gone"


async def test_nothing_is_written_to_the_host(simulated: Stage, tmp_path: Path) -> None:
    places = [f"/{name}/scvk-was-here" for name in ("tmp", "var", "usr", "etc", "root", "opt", "dev/shm")]
    script = f"for f in {' '.join(places)}; do echo x > $f && echo wrote $f; done; ls -A {tmp_path.parent} || true"
    await simulated.create("writer", ["sh", "-c", script], restart_policy="never")
    await simulated.until_status("writer", "succeeded")
    said = await simulated.output("writer")
    assert [f"wrote {place}" for place in places if f"wrote {place}" in said]
    assert not any(os.path.lexists(place) for place in places)
    assert not any("test_nothing_is_written" in line for line in said)


async def test_a_python_image_runs_python(simulated: Stage) -> None:
    command = ["python3", "-c", "import ssl, json, socket; print(json.dumps({'host': socket.gethostname()}))"]
    await simulated.create("snake", command, "python:3.12-slim", restart_policy="never")
    await simulated.until_status("snake", "succeeded")
    (line,) = await simulated.output("snake")
    assert len(line["host"]) == 36


async def test_an_interrupted_instance_starts_on_another_machine(simulated: Stage) -> None:
    await simulated.create("unlucky", ["sleep", "1000"])
    before = await simulated.until_running("unlucky")
    url = f"{simulated.served.url}/_simulator/instances/{before['id']}/interrupt"
    assert (await simulated.http.post(url, json={"reason": "node-offline"})).status_code == 202

    async def moved() -> bool:
        (instance,) = await simulated.instances("unlucky")
        return bool(instance["state"] == "running" and instance["machine_id"] != before["machine_id"])

    await until(moved, "another machine")
    assert "Instance Interrupted (Node Offline)" in await simulated.events("unlucky")
