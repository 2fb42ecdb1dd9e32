"""The long rest: outages of the cluster, a frozen agent, kills at any moment. Nothing is lost or made twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from typing import Any

import pytest

from scvk.testbed.control_plane import Component
from tests.e2e.processes import Program, until
from tests.e2e.stage import Stage
from tests.e2e.workloads import deployment, pod

pytestmark = pytest.mark.full

UNKNOWN_AFTER_S = 60
"""Longer than the node lifecycle controller waits (50 s) before it marks a silent node's pods as not ready."""


def ids(groups: dict[str, Any]) -> dict[str, str]:
    return {name: group["id"] for name, group in groups.items()}


def lives(agent: Program) -> bool:
    assert agent.process is not None
    return agent.process.returncode is None


@pytest.mark.parametrize("component", ["kube-apiserver", "etcd"])
async def test_an_outage_of_the_cluster_is_lived_through(stage: Stage, component: Component) -> None:
    agent = await stage.running_agent()
    await stage.apply(deployment("web", 3))
    await stage.ready_pods(3)
    before = await stage.own_groups()
    await stage.testbed.stop_component(component)
    try:
        await asyncio.sleep(UNKNOWN_AFTER_S)
        assert lives(agent), agent.output()
        assert ids(await stage.own_groups()) == ids(before)
    finally:
        await stage.testbed.start_component(component)
    await stage.apply(pod("later"))
    await stage.ready_pods(4, within=120)
    assert lives(agent), agent.output()
    assert ids(before).items() <= ids(await stage.own_groups()).items()


@pytest.mark.parametrize("frozen", ["the agent", "the API server"])
async def test_a_minute_of_standstill_changes_nothing(stage: Stage, frozen: str) -> None:
    agent = await stage.running_agent()
    await stage.apply(deployment("web", 2))
    await stage.ready_pods(2)
    before = await stage.own_groups()
    assert agent.process is not None
    pid = agent.process.pid if frozen == "the agent" else stage.testbed.pid("kube-apiserver")
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(UNKNOWN_AFTER_S)
    finally:
        os.kill(pid, signal.SIGCONT)
    await asyncio.sleep(15)
    await stage.ready_pods(2)
    assert lives(agent), agent.output()
    assert ids(await stage.own_groups()) == ids(before)


async def test_an_agent_killed_again_and_again_makes_one_group_for_each_pod_and_leaves_none(stage: Stage) -> None:
    chance = random.Random(7)
    agent = await stage.running_agent()

    async def killed_three_times() -> None:
        nonlocal agent
        for _ in range(3):
            await asyncio.sleep(chance.uniform(0.1, 4))
            await agent.kill()
            agent = stage.agent()
            await agent.start()

    for replicas in (5, 2, 6):
        await stage.kubectl("delete", "deployment", "web", "--ignore-not-found", "--wait=false")
        await stage.apply(deployment("web", replicas))
        await killed_three_times()
        # Takes over from its forerunner's lease, which nobody released.
        await stage.ready_pods(replicas, within=180)

        async def one_each(wanted: int = replicas) -> bool:
            return len(await stage.own_groups()) == wanted

        await until("each pod has one group", one_each, within=120)
    await stage.kubectl("delete", "deployment", "web", "--wait=false")
    await killed_three_times()
    await stage.no_pods(within=180)

    async def none() -> bool:
        return await stage.own_groups() == {}

    await until("no group is left", none, within=120)
    created = [
        r for r in await stage.cloud.requests() if r["operation"] == "create_container_group" and not r["api_key"]
    ]
    assert sum(bool(request["status"] == 201) for request in created) == 5 + 2 + 6
