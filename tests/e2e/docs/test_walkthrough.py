"""Every command of docs/walkthrough.md, typed in order, does what the page says."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from scvk.testbed import Testbed
from tests.e2e.docs.conftest import with_cluster
from tests.e2e.docs.terminal import Terminal
from tests.e2e.processes import API_KEY, SimulatedCloud, until
from tests.unit.docs.pages import Command, page, steps

NODE = "saladcloud-acme-corp-default"
LEFT_OVERS = (
    ("deployment", "hello"),
    ("pod", "refused"),
    ("node", NODE),
    ("namespace", "sce"),
    ("clusterrolebinding", "scvk:sce:scvk", "scvk:sce:scvk:auth-delegator"),
    ("clusterrole", "scvk:sce:scvk"),
)


async def test_every_command_of_the_walkthrough_does_what_it_says(
    testbed: Testbed, repository: Path, readers_environment: dict[str, str], tmp_path: Path
) -> None:
    cloud = await SimulatedCloud.start(tmp_path, speed=20)
    environment = with_cluster(readers_environment, testbed)
    environment |= {"SCVK_REPOSITORY": str(repository), "SALAD_CLOUD_API_URL": cloud.url, "SALAD_VK_KUBELET_PORT": "0"}
    terminal = Terminal(tmp_path, environment, keyboard=f"{API_KEY}\n")
    try:
        for step in steps(page("docs/walkthrough.md")):
            await terminal.type(step)
            if isinstance(step, Command):
                await look_at_the_cloud(step, cloud)
        (agent,) = terminal.background
        assert "stopped; no pod was disturbed" in agent.output()
        assert "Traceback" not in agent.output()
        assert API_KEY not in agent.output()
    finally:
        await terminal.close()
        for kind, *names in LEFT_OVERS:
            await testbed.kubectl("delete", kind, *names, "--ignore-not-found", "--wait=false", check=False)
        await cloud.stop()


async def look_at_the_cloud(done: Command, cloud: SimulatedCloud) -> None:
    """Check what only SaladCloud can tell of some steps."""
    if "kubectl apply -f src/scvk/demo/walkthrough.yaml" in done.script:
        groups = await cloud.groups()
        assert [group["replicas"] for group in groups.values()] == [1, 1, 1]
        for name in groups:
            lines = await until(f"{name} has written its line", partial(cloud.log_lines, name))
            assert [line.startswith("hello from ") for line in lines] == [True]
    elif "kubectl scale deployment/hello --replicas=1" in done.script:
        assert len(await until("one group is left", lambda: one_group(cloud))) == 1
    elif "kubectl delete deployment hello" in done.script:
        assert await cloud.groups() == {}


async def one_group(cloud: SimulatedCloud) -> list[str]:
    """Return the names of the groups where there is exactly one."""
    names = list(await cloud.groups())
    return names if len(names) == 1 else []
