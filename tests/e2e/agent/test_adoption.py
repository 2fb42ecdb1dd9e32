"""Whose groups they are: the switch from the Go program, `scvk gc`, and a kill in the middle of creating many pods."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.e2e.processes import Program, until
from tests.e2e.stage import FOREIGN_GROUP, Stage
from tests.e2e.workloads import HELLO, deployment, pod, pod_spec

CHANGES = {"create_container_group", "delete_container_group", "stop_container_group", "update_container_group"}


async def run_by_the_go_program(stage: Stage, name: str) -> dict[str, Any]:
    """Return the group of a new pod of the stage's node, made and told of as the Go program does."""
    await stage.apply(pod(name, pod_spec(nodeName=stage.node)))
    made = await stage.get("pod", name)
    metadata = {key: made["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion")}
    group = await stage.cloud.create(
        {
            "name": f"{stage.namespace}-{name}",
            "container": {
                "image": "docker.io/library/busybox:1.37",
                "command": ["/bin/sh", "-c", HELLO],
                "environment_variables": {"POD_METADATA_YAML": json.dumps(metadata), "GREETING": "hello"},
                "resources": {"cpu": 1, "memory": 1024},
            },
            "autostart_policy": True,
            "replicas": 1,
            "restart_policy": "always",
        }
    )

    async def running() -> bool:
        state = (await stage.cloud.groups())[group["name"]]["current_state"]
        return bool(state["instance_status_counts"]["running_count"])

    await until("the group runs", running)
    container = {"name": group["name"], "image": "busybox", "imageID": "", "ready": True, "restartCount": 0}
    status = {
        "phase": "Running",
        "startTime": group["create_time"],
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "ContainersReady", "status": "True"}],
        "containerStatuses": [{**container, "state": {"running": {}}}],
    }
    await stage.kubectl("patch", "pod", name, "--subresource=status", "-p", json.dumps({"status": status}))
    return dict(group)


def changes(requests: list[dict[str, Any]]) -> list[str]:
    return [request["operation"] for request in requests if request["operation"] in CHANGES]


async def gc(stage: Stage, *words: str) -> tuple[int, dict[str, Any]]:
    """Run `scvk gc` as the agent's account; return its exit code and what it printed."""
    like = stage.agent()
    command = Program(("gc", "--output", "json", "--pause", "1", *words), like.log.with_suffix(".gc"), like.environment)
    await command.start()
    assert command.process is not None
    assert command.process.stdout is not None
    printed = await command.process.stdout.read()
    code = await command.ended(within=90)
    assert printed, command.output()
    return code, json.loads(printed)


async def test_groups_of_the_go_program_are_taken_over_without_a_restart_and_go_with_their_pods(stage: Stage) -> None:
    group = await run_by_the_go_program(stage, "old")
    lost = await run_by_the_go_program(stage, "lost")
    await stage.kubectl("delete", "pod", "lost", "--grace-period=0", "--force")
    before = len(await stage.cloud.requests())

    agent = await stage.running_agent("--adopt-legacy")

    async def adopted() -> bool:
        return bool(await stage.events("Adopted"))

    await until("the pod is adopted", adopted)
    (old,) = await stage.ready_pods(1)
    assert old["metadata"]["annotations"]["scvk.salad.com/attempt"] == "legacy"
    assert [entry["name"] for entry in old["status"]["containerStatuses"]] == ["main"]

    await agent.kill()
    second = await stage.running_agent()
    await stage.ready_pods(1)
    assert changes((await stage.cloud.requests())[before:]) == []
    now = (await stage.cloud.groups())[group["name"]]
    assert (now["id"], now["version"]) == (group["id"], group["version"])

    await stage.kubectl("delete", "pod", "old", "--wait=false")
    await stage.no_pods()
    assert set(await stage.cloud.groups()) == {lost["name"], FOREIGN_GROUP["name"]}
    code, told = await gc(stage, "--yes")
    assert (code, told["legacy"], told["foreign"]) == (0, [lost["name"]], 2)
    assert await second.stop() == 0


async def test_left_over_groups_are_shown_and_deleted_by_hand_also_beside_an_agent(stage: Stage) -> None:
    agent = await stage.running_agent()
    await stage.apply(pod("gone"), pod("here"))
    await stage.ready_pods(2)
    await agent.kill()
    await stage.kubectl("delete", "pod", "gone", "--grace-period=0", "--force")
    groups = await stage.own_groups()
    assert len(groups) == 2

    code, shown = await gc(stage, "--dry-run")
    assert code == 0
    assert {one["pod"]: one["verdict"] for one in shown["groups"]} == {"gone": "orphaned", "here": "kept"}
    assert await stage.own_groups() == groups

    code, elsewhere = await gc(stage, "--yes", "--nodename", "another-node")
    reasons = {one["pod"]: one["reason"] for one in elsewhere["groups"]}
    assert (code, await stage.own_groups()) == (0, groups), "the node exists: its own agent decides"
    assert reasons["gone"] == f"node {stage.node} exists: its own agent decides"

    # Both may find and delete the same group.
    agent, (code, done) = await asyncio.gather(stage.running_agent(), gc(stage, "--yes"))
    assert code == 0
    assert {one["pod"]: one["deleted"] for one in done["groups"]}["here"] is None

    async def one_left() -> bool:
        return len(await stage.own_groups()) == 1

    await until("only the living pod's group is left", one_left)
    assert len(await stage.ready_pods(1)) == 1
    assert agent.process is not None
    assert agent.process.returncode is None


async def test_an_agent_killed_in_the_middle_of_creating_fifty_pods_makes_fifty_groups(stage: Stage) -> None:
    agent = await stage.running_agent()
    await stage.apply(deployment("many", 50))

    async def half_way() -> bool:
        return len(await stage.own_groups()) >= 10

    await until("some groups are made", half_way, every=0.05)
    await agent.kill()
    made = len(await stage.own_groups())
    assert made < 50
    await stage.running_agent()
    pods = await stage.ready_pods(50, within=240)
    groups = await stage.own_groups()
    uids = [group["container"]["environment_variables"]["SCVK_POD_UID"] for group in groups.values()]
    assert sorted(uids) == sorted(one["metadata"]["uid"] for one in pods)
    created = [
        request
        for request in await stage.cloud.requests()
        if request["operation"] == "create_container_group" and not request["api_key"] and request["status"] == 201
    ]
    assert len(created) == 50
