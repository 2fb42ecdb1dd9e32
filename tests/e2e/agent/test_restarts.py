"""A restart is a non-event: killed or stopped and started again, the agent adopts what runs and makes nothing twice."""

from __future__ import annotations

import asyncio

from tests.e2e.processes import until
from tests.e2e.stage import Stage
from tests.e2e.workloads import deployment, pod

CHANGES = {"create_container_group", "delete_container_group", "stop_container_group", "update_container_group"}


async def test_an_agent_killed_while_pods_run_finds_the_same_groups_again(stage: Stage) -> None:
    agent = await stage.running_agent()
    await stage.apply(deployment("web", 3))
    pods = await stage.ready_pods(3)
    groups = await stage.own_groups()
    assert len(groups) == 3

    await agent.kill()
    before = len(await stage.cloud.requests())
    second = await stage.running_agent()

    async def synced() -> bool:
        requests = (await stage.cloud.requests())[before:]
        return sum(bool(request["operation"] == "list_container_groups") for request in requests) >= 4

    await until("the new agent has looked around", synced)
    assert second.process is not None
    assert second.process.returncode is None
    assert {request["operation"] for request in (await stage.cloud.requests())[before:]}.isdisjoint(CHANGES)
    after = await stage.own_groups()
    assert {name: group["id"] for name, group in after.items()} == {n: g["id"] for n, g in groups.items()}
    assert {one["metadata"]["uid"] for one in await stage.ready_pods(3)} == {one["metadata"]["uid"] for one in pods}


async def test_a_stop_disturbs_no_pod_and_ends_with_zero(stage: Stage) -> None:
    agent = await stage.running_agent()
    await stage.apply(pod("calm"))
    before = (await stage.ready_pods(1))[0]
    groups = await stage.own_groups()
    assert await agent.stop() == 0
    assert "Traceback" not in agent.output()
    assert await stage.own_groups() == groups
    await stage.running_agent()
    assert (await stage.ready_pods(1))[0]["metadata"]["uid"] == before["metadata"]["uid"]


async def test_pods_deleted_by_force_while_the_agent_is_away_leave_no_group(stage: Stage) -> None:
    agent = await stage.running_agent()
    await stage.apply(pod("forgotten"))
    await stage.ready_pods(1)
    await agent.kill()
    await stage.kubectl("delete", "pod", "forgotten", "--grace-period=0", "--force")
    assert len(await stage.own_groups()) == 1
    await stage.running_agent()

    async def collected() -> bool:
        return await stage.own_groups() == {}

    await until("the orphaned group is collected", collected, within=120)


async def test_a_pod_deleted_by_force_starts_the_deletion_of_its_group(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(pod("forced"))
    await stage.ready_pods(1)
    await stage.kubectl("delete", "pod", "forced", "--grace-period=0", "--force")

    async def gone() -> bool:
        return await stage.own_groups() == {}

    await until("the group is gone", gone, within=20)


async def test_a_second_agent_for_the_node_does_not_start_while_the_first_lives(stage: Stage) -> None:
    first = await stage.running_agent()
    second = stage.agent()
    await second.start()
    assert await second.ended(within=40) == 1
    lines = [line for line in second.output().splitlines() if line.startswith("scvk: ")]
    assert len(lines) == 1
    assert "another agent" in lines[0]
    assert first.process is not None
    await asyncio.sleep(0)
    assert first.process.returncode is None
