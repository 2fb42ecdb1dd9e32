"""An agent that was away, on a control plane that loses patience sooner: what Kubernetes did is met on its return."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest

from scvk.testbed import Testbed
from scvk.testbed.control_plane import Component
from tests.e2e.processes import SimulatedCloud, until
from tests.e2e.stage import Stage, is_ready
from tests.e2e.workloads import pod

pytestmark = pytest.mark.full

GRACE_S = 16
"""Instead of 50 s. An agent renews its node's lease every 10 s."""
IMPATIENT: dict[Component, list[str]] = {
    "kube-controller-manager": [f"--node-monitor-grace-period={GRACE_S}s", "--node-monitor-period=1s"],
}
UNREACHABLE = "node.kubernetes.io/unreachable"


def tolerating(name: str, seconds: int) -> dict[str, Any]:
    made = pod(name)
    made["spec"]["tolerations"].append(
        {"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}
    )
    return made


async def test_pods_are_ready_again_or_ended_properly_when_the_agent_is_back(
    kubernetes_version: str, tmp_path: Path
) -> None:
    async with Testbed(kubernetes_version, extra_arguments=IMPATIENT) as testbed:
        cloud = await SimulatedCloud.start(tmp_path)
        name = f"away-{secrets.token_hex(2)}"
        await testbed.kubectl("create", "namespace", name)
        stage = Stage(testbed, testbed.kubeconfig, name, f"node-{name}", tmp_path, cloud)
        try:
            await _away(stage)
        finally:
            for agent in stage.agents:
                await agent.stop()
            await cloud.stop()


async def _away(stage: Stage) -> None:
    # Kubernetes gives no node up while it hears of none at all.
    other = stage.agent(SALAD_VK_NODE_NAME=f"{stage.node}-other")
    await other.start()
    await stage.kubectl("wait", "--for=create", f"node/{stage.node}-other", "--timeout=30s")
    await stage.kubectl("cordon", f"{stage.node}-other")
    agent = await stage.running_agent()
    await stage.apply(tolerating("patient", 300), tolerating("hasty", 1))
    before = {one["metadata"]["name"]: one["metadata"]["uid"] for one in await stage.ready_pods(2)}
    groups = await stage.own_groups()
    await agent.kill()

    async def given_up() -> bool:
        node = await stage.get("node", stage.node)
        pods = {one["metadata"]["name"]: one for one in await stage.pods()}
        taints = {taint["key"] for taint in node["spec"].get("taints", [])}
        return (
            UNREACHABLE in taints and not is_ready(pods["patient"]) and "deletionTimestamp" in pods["hasty"]["metadata"]
        )

    await until("Kubernetes gives the node up", given_up, within=GRACE_S + 30)
    assert await stage.own_groups() == groups, "what runs goes on, whatever Kubernetes thinks of it"

    await stage.running_agent()

    async def well() -> bool:
        node = await stage.get("node", stage.node)
        pods = await stage.pods()
        taints = {taint["key"] for taint in node["spec"].get("taints", [])}
        return UNREACHABLE not in taints and len(pods) == 1 and is_ready(pods[0])

    await until("the pod that waited is ready again, and the other one is gone", well, within=30)
    (patient,) = await stage.pods()
    assert patient["metadata"]["uid"] == before["patient"]
    ((left, group),) = (await stage.own_groups()).items()
    assert left.startswith(f"{stage.namespace}-patient-"[:40])
    assert group["id"] == groups[left]["id"]
