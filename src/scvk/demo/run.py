"""Puts the demo together: cluster, simulated SaladCloud and agent in this process, told on the terminal."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from rich.console import Console

from scvk.agent import AgentError, play_node, saladcloud_client
from scvk.demo.cluster import NAMESPACE, DemoCluster, own_cluster, users_cluster
from scvk.demo.scenario import DemoFailed, Story
from scvk.saladcloud.errors import SaladCloudError
from scvk.settings import AgentSettings, CheckedSaladCloud
from scvk.signals import stopped_by_signals
from scvk.simulator.config import ApiKey, SimulatorConfig
from scvk.simulator.service import Simulator, serve
from scvk.testbed import TestbedError
from scvk.testbed.display import display

ORGANIZATION = "acme-corp"
PROJECT = "default"
NODE = "saladcloud-demo"
SPEED = 20.0
"""Simulated seconds in a real one: minutes of allocating and pulling pass in some seconds."""
CLEAN_UP_DEADLINE_S = 60.0


async def run_demo(*, stay: bool, kubeconfig: Path | None, console: Console) -> int:
    """Play the whole scenario; with `stay`, keep everything up between Ready and the deletion until interrupted.

    Returns 0 at the end of the scenario, 130 when it was interrupted before. Raises DemoFailed, TestbedError or
    AgentError for what went wrong; whatever happens, nothing is left running.
    """
    task = asyncio.current_task()
    assert task is not None
    with stopped_by_signals(task):
        try:
            await _play(stay=stay, kubeconfig=kubeconfig, console=console)
        except asyncio.CancelledError:
            if task.uncancel() > 0:
                raise
            console.print("Interrupted: what the demo started is gone again", highlight=False)
            return 130
    return 0


async def _play(*, stay: bool, kubeconfig: Path | None, console: Console) -> None:
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(_cluster(kubeconfig, console))
        agents, observers = await stack.enter_async_context(_cloud(console))
        client, _ = await stack.enter_async_context(saladcloud_client(observers))
        story = Story(cluster, client, NODE, console)
        try:
            async with asyncio.TaskGroup() as group:
                agent = group.create_task(play_node(_agent_settings(cluster, agents)))
                await _tell(story, cluster, agents, stay=stay, console=console)
                agent.cancel()
        except BaseExceptionGroup as failures:
            cause = cause_of(failures)
            if cause is None:
                raise
            raise cause from failures


def cause_of(failure: BaseException) -> AgentError | DemoFailed | SaladCloudError | TestbedError | None:
    """Return what the user can read out of a group of groups, as task groups make them; None for a bug."""
    if isinstance(failure, BaseExceptionGroup):
        return next((found for part in failure.exceptions if (found := cause_of(part))), None)
    return failure if isinstance(failure, AgentError | DemoFailed | SaladCloudError | TestbedError) else None


async def _tell(story: Story, cluster: DemoCluster, cloud: CheckedSaladCloud, *, stay: bool, console: Console) -> None:
    try:
        await story.deploy()
        if stay:
            await _stay(story, cluster, cloud, console)
        await story.remove()
    except asyncio.CancelledError:
        if not cluster.is_own:
            # The user's cluster stays: pods must go while the agent is there to confirm it.
            async with asyncio.timeout(CLEAN_UP_DEADLINE_S):
                await story.remove()
        raise


@asynccontextmanager
async def _cluster(kubeconfig: Path | None, console: Console) -> AsyncIterator[DemoCluster]:
    if kubeconfig is not None:
        console.print(f"==> Using the cluster of {kubeconfig}", style="bold green", highlight=False)
        with display(sys.stderr) as report:
            async with users_cluster(kubeconfig, NODE, report) as cluster:
                yield cluster
        return
    console.print("==> Starting a Kubernetes control plane (built once; then it takes about 10 s)", style="bold green")
    async with AsyncExitStack() as stack:
        with display(sys.stderr) as report:
            cluster = await stack.enter_async_context(own_cluster(report))
        yield cluster


@asynccontextmanager
async def _cloud(console: Console) -> AsyncIterator[tuple[CheckedSaladCloud, CheckedSaladCloud]]:
    """Run the simulator in this process; yield the agent's way to it and, with a key of its own, the demo's."""
    keys = (f"demo-agent-{secrets.token_hex(8)}", f"demo-observer-{secrets.token_hex(8)}")
    config = SimulatorConfig(
        api_keys=tuple(ApiKey(key) for key in keys),
        organizations=(ORGANIZATION,),
        projects=(PROJECT,),
        speed=SPEED,
    )
    async with Simulator(config) as simulator, serve(simulator) as served:
        address = served.base_url
        console.print(f"==> Simulated SaladCloud at {address}", style="bold green", highlight=False)
        for line in simulator.isolation_report:
            console.print(f"    {line}", highlight=False)
        agents, observers = (
            CheckedSaladCloud(api_key=key, organization=ORGANIZATION, project=PROJECT, api_url=address) for key in keys
        )
        yield agents, observers


def _agent_settings(cluster: DemoCluster, cloud: CheckedSaladCloud) -> AgentSettings:
    return AgentSettings(
        nodename=NODE,
        kubeconfig=str(cluster.agent_kubeconfig),
        agent_namespace=NAMESPACE,
        sce_api_key=cloud.api_key,
        sce_organization_name=cloud.organization,
        sce_project_name=cloud.project,
        api_url=cloud.api_url,
        kubelet_port=0,
    )


async def _stay(story: Story, cluster: DemoCluster, cloud: CheckedSaladCloud, console: Console) -> None:
    """Keep everything up, with a live view, until Ctrl-C; that is the way on, not a failure."""
    console.print("\nAll of it stays up until Ctrl-C. In another terminal:\n", style="bold")
    console.print(f"    export KUBECONFIG={cluster.kubeconfig}", highlight=False, soft_wrap=True)
    console.print(f"    alias kubectl='{cluster.kubectl_path} -n {NAMESPACE}'", highlight=False, soft_wrap=True)
    for words in ("get nodes,pods -o wide", "describe node saladcloud-demo", "scale deployment/hello --replicas=5"):
        console.print(f"    kubectl {words}", highlight=False)
    console.print(
        f"    curl -H 'Salad-Api-Key: {cloud.api_key}' "
        f"{cloud.api_url}/organizations/{ORGANIZATION}/projects/{PROJECT}/containers\n",
        highlight=False,
        soft_wrap=True,
    )
    task = asyncio.current_task()
    assert task is not None
    try:
        await story.watch()
    except asyncio.CancelledError:
        task.uncancel()
