"""`kubectl top` and autoscaling by CPU, through the real metrics-server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.processes import API_KEY, SimulatedCloud, until
from tests.e2e.stage import Stage
from tests.e2e.workloads import deployment, pod_spec

SPEED = 60
"""Simulated seconds in a real one: the figures, which are refreshed each simulated minute, count simulated time."""
CORES = 0.01
"""What a program uses of a simulated second: to those whose clock is real, 600m."""
MILLICORES = 1000 * CORES * SPEED
MIB = 200


def worker() -> dict[str, Any]:
    spec = pod_spec()
    spec["containers"][0]["command"] = ["scvk-script", "use", str(CORES), "cpu", str(MIB), "mb"]
    return spec


@pytest_asyncio.fixture
async def scripted(stage: Stage) -> AsyncIterator[Stage]:
    """The stage, with a cloud of scripted programs in place of its own."""
    own = stage.cloud
    (stage.folder / "scripted").mkdir()
    stage.cloud = await SimulatedCloud.start(stage.folder / "scripted", "--runtime", "virtual", speed=SPEED)
    yield stage
    await stage.cloud.stop()
    stage.cloud = own


async def shown(stage: Stage, *words: str) -> dict[str, tuple[int, int]] | None:
    """Return millicores and MiB by name, as `kubectl top` shows them; None while it shows none."""
    answer = await stage.kubectl("top", *words, "--no-headers", check=False)
    found = {}
    for line in answer.splitlines():
        name, cpu, *rest = line.split()
        memory = next((word for word in rest if word.endswith("Mi")), None)
        if not cpu.endswith("m") or memory is None:
            return None
        found[name] = (int(cpu[:-1]), int(memory[:-2]))
    return found or None


async def test_top_shows_what_pods_and_the_node_use(scripted: Stage) -> None:
    await scripted.running_agent("--kubelet-port", "0")

    async def alone() -> tuple[int, int] | None:
        return ((await shown(scripted, "node", scripted.node)) or {}).get(scripted.node)

    assert (await until("a node without pods uses what its agent does", alone))[1] > 0
    await scripted.apply(deployment("work", 3, worker()))
    await scripted.ready_pods(3)

    async def all_pods() -> dict[str, tuple[int, int]] | None:
        found = await shown(scripted, "pod") or {}
        return found if len(found) == 3 else None

    for cpu, memory in (await until("kubectl top shows three pods", all_pods, within=150, every=2)).values():
        assert cpu == pytest.approx(MILLICORES, rel=0.15)
        assert memory == MIB

    async def settled() -> bool:
        cpu, memory = await alone() or (0, 0)
        return cpu == pytest.approx(3 * MILLICORES, rel=0.2) and memory >= 3 * MIB

    await until("kubectl top shows the node", settled, within=90, every=2)


async def test_an_autoscaler_adds_replicas_by_cpu(scripted: Stage) -> None:
    await scripted.running_agent("--kubelet-port", "0")
    await scripted.apply(deployment("work", 1, worker()))
    await scripted.kubectl("autoscale", "deployment", "work", "--cpu=20%", "--min=1", "--max=3")
    await scripted.ready_pods(3, within=200)

    async def measured() -> int | None:
        status = (await scripted.get("hpa", "work"))["status"]
        (metric,) = status.get("currentMetrics") or [{}]
        found = metric.get("resource", {}).get("current", {}).get("averageUtilization")
        return int(found) if found and status["currentReplicas"] == 3 else None

    utilization = await until("the autoscaler knows what three pods use", measured, within=120, every=2)
    assert utilization == pytest.approx(MILLICORES / 10, rel=0.2)


async def test_the_nodes_proxy_tells_figures_health_and_options_and_no_secret(scripted: Stage) -> None:
    agent = await scripted.running_agent("--kubelet-port", "0", "--metrics-port", "0")
    await scripted.apply(deployment("work", 2, worker()))
    await scripted.ready_pods(2)

    async def told(path: str) -> str:
        return await scripted.kubectl("get", "--raw", f"/api/v1/nodes/{scripted.node}/proxy/{path}", check=False)

    async def both_known() -> bool:
        return len(json.loads(await told("stats/summary"))["pods"]) == 2

    await until("the summary tells of both pods", both_known)
    assert await told("healthz") == "ok"
    resources = await told("metrics/resource")
    assert resources.count("container_memory_working_set_bytes{") == 2
    assert "resource_scrape_error 0" in resources
    assert (await told("metrics/cadvisor")).count("container_cpu_usage_seconds_total{") == 2
    assert 'scvk_container_groups{owner="own"} 2' in await told("metrics")
    for listing in ("pods", "runningpods/"):
        items = json.loads(await told(listing))["items"]
        assert {item["metadata"]["namespace"] for item in items} == {scripted.namespace}
        assert len(items) == 2
    options = await told("configz")
    assert json.loads(options)["kubeletconfig"]["nodeName"] == scripted.node
    assert API_KEY not in options
    assert "without TLS" in agent.output()
