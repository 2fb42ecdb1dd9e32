"""The page on the kubelet's API, command by command, with the agent and the pod that it presupposes."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from scvk.kubelet.rights import rights
from scvk.testbed import Testbed
from tests.e2e.docs.conftest import with_cluster
from tests.e2e.docs.terminal import Terminal
from tests.e2e.processes import API_KEY, ORGANIZATION, PROJECT, Program, SimulatedCloud, until
from tests.e2e.workloads import pod
from tests.unit.docs.pages import page, steps

NODE = "saladcloud-acme-corp-default"
LEFT_OVERS = (
    ("pod", "hello"),
    ("node", NODE),
    ("namespace", "sce"),
    ("clusterrolebinding", "scvk:sce:scvk", "scvk:sce:scvk:auth-delegator", "scvk-docs-monitor"),
    ("clusterrole", "scvk:sce:scvk", "scvk-docs-monitor"),
    ("csr", "--all"),
)


async def test_every_command_of_the_page_does_what_it_says(
    testbed: Testbed, readers_environment: dict[str, str], tmp_path: Path
) -> None:
    cloud = await SimulatedCloud.start(tmp_path)
    await testbed.kubectl("create", "namespace", "sce")
    await testbed.apply(yaml.safe_dump_all(rights(namespace="sce", service_account="scvk", certificate_requests=True)))
    account = await testbed.service_account_kubeconfig("sce", "scvk")
    agent = Program(
        ("run", "--kubelet-certificate", "csr"),
        tmp_path / "agent.log",
        {
            "SALAD_CLOUD_API_KEY": API_KEY,
            "SALAD_CLOUD_ORGANIZATION_NAME": ORGANIZATION,
            "SALAD_CLOUD_PROJECT_NAME": PROJECT,
            "SALAD_CLOUD_API_URL": cloud.url,
            "SALAD_VK_KUBELET_PORT": "0",
            "SALAD_VK_METRICS_PORT": "0",
            "KUBECONFIG": str(account),
        },
    )
    terminal = Terminal(tmp_path, with_cluster(readers_environment, testbed), keyboard="")
    try:
        await agent.start()
        await testbed.apply(json.dumps(pod("hello")))

        async def said_hello() -> bool:
            described = (await testbed.kubectl("describe", "node", NODE, check=False)).stdout
            logs = (await testbed.kubectl("logs", "hello", check=False)).stdout
            return "hello" in logs and "certificate approve" in described

        await until(f"the pod says hello; {agent.log}", said_hello)
        for step in steps(page("docs/kubelet-api.md")):
            await terminal.type(step)
    finally:
        await terminal.close()
        for kind, *names in LEFT_OVERS:
            await testbed.kubectl("delete", kind, *names, "--ignore-not-found", "--wait=false", check=False)
        await agent.stop()
        await cloud.stop()
