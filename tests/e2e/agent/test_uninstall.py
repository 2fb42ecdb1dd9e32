"""`scvk uninstall` against a real control plane: with an agent and without, with the pods' groups and without."""

from __future__ import annotations

from tests.e2e.processes import API_KEY, ORGANIZATION, PROJECT, Program, until
from tests.e2e.stage import FOREIGN_GROUP, Stage
from tests.e2e.workloads import deployment, pod


def uninstall(stage: Stage, *words: str, key: bool = True) -> Program:
    """Return the command for the stage's node, as an administrator with or without the key of SaladCloud."""
    environment = {
        "SALAD_CLOUD_ORGANIZATION_NAME": ORGANIZATION,
        "SALAD_CLOUD_PROJECT_NAME": PROJECT,
        "SALAD_CLOUD_API_URL": stage.cloud.url,
        "SALAD_VK_NODE_NAME": stage.node,
        "KUBECONFIG": str(stage.testbed.kubeconfig),
        **({"SALAD_CLOUD_API_KEY": API_KEY} if key else {}),
    }
    return Program(("uninstall", *words), stage.folder / "uninstall.log", environment)


async def finished(command: Program, *, within: float = 120.0) -> int:
    await command.start()
    return await command.ended(within=within)


async def test_a_drained_node_leaves_nothing_and_its_agent_ends(stage: Stage) -> None:
    agent = await stage.running_agent()
    await stage.apply(deployment("web", 2), pod("alone"))
    await stage.ready_pods(3)

    command = uninstall(stage, "--groups", "drain", "--yes", key=False)
    assert await finished(command) == 0, command.output()
    assert await stage.own_groups() == {}
    assert await agent.ended(within=20) == 0
    assert "the node was uninstalled" in agent.output()
    assert await stage.get("node", stage.node) is None
    assert FOREIGN_GROUP["name"] in await stage.cloud.groups()
    # What its Deployment made anew meanwhile waits for a node, and costs nothing.
    assert {one["status"]["phase"] for one in await stage.pods()} <= {"Pending"}


async def test_without_an_agent_the_command_does_what_is_left_to_do(stage: Stage) -> None:
    agent = await stage.running_agent()
    await stage.apply(pod("one"), pod("two"))
    await stage.ready_pods(2)
    await agent.kill()

    command = uninstall(stage, "--groups", "drain", "--yes")
    assert await finished(command) == 0, command.output()
    assert await stage.own_groups() == {}
    assert await stage.pods() == []
    assert await stage.get("node", stage.node) is None


async def test_what_is_kept_runs_on_though_the_node_and_its_agent_are_gone(stage: Stage) -> None:
    agent = await stage.running_agent()
    await stage.apply(pod("valuable"))
    await stage.ready_pods(1)
    before = await stage.own_groups()

    assert await finished(uninstall(stage, "--groups", "keep", "--yes", key=False)) == 0
    assert await agent.ended(within=20) == 0
    # As the collector of orphaned pods does, a minute later.
    await stage.kubectl("delete", "pod", "valuable", "--grace-period=0", "--force")
    after = await stage.own_groups()
    assert {name: group["id"] for name, group in after.items()} == {n: g["id"] for n, g in before.items()}
    assert await stage.get("node", stage.node) is None


async def test_a_node_that_is_deleted_without_the_mark_is_made_again_with_its_pods_intact(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(pod("calm"))
    (before,) = await stage.ready_pods(1)
    old = await stage.get("node", stage.node)
    await stage.kubectl("delete", "node", stage.node)

    async def again() -> bool:
        node = await stage.get("node", stage.node)
        return node is not None and node["metadata"]["uid"] != old["metadata"]["uid"]

    await until("the node is made again", again, within=20)
    (after,) = await stage.ready_pods(1)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
