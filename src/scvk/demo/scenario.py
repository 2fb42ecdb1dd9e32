"""The demo's story: a Deployment becomes pods, pods become container groups, and all of them go again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import yaml
from rich.console import Console
from rich.live import Live

from scvk.demo.cluster import NAMESPACE, DemoCluster
from scvk.demo.picture import Picture, draw, group_table, pod_row
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.models import LogEntryQuery, SortOrder

REPLICAS = 3
LOOK_EVERY_S = 1.0
WIDEST_TABLE = 120
"""Columns for the groups: their names are long and must not be cut."""
OWNERS = "deployments,statefulsets,replicasets,jobs,cronjobs"
"""What would make a pod again that was deleted. All of them go at once, so that none makes another."""
STEP_DEADLINE_S = 180.0
"""Far beyond what a step takes: what needs longer is broken, and the demo says so instead of hanging."""


class DemoFailed(Exception):
    """A step of the story did not come to its end; the text says which and what was seen last."""


def walkthrough_deployment(node: str) -> dict[str, Any]:
    """Return the walkthrough's Deployment, bound to the demo's own node: never to a real one in the user's cluster."""
    text = resources.files("scvk.demo").joinpath("walkthrough.yaml").read_text(encoding="utf-8")
    manifest: dict[str, Any] = yaml.safe_load(text)
    manifest["spec"]["template"]["spec"]["nodeSelector"]["kubernetes.io/hostname"] = node
    return manifest


class Story:
    """One run of the scenario, told on `console`."""

    def __init__(self, cluster: DemoCluster, cloud: SaladCloudClient, node: str, console: Console) -> None:
        self._cluster = cluster
        self._cloud = cloud
        self._node = node
        self._console = console

    async def deploy(self) -> None:
        """Wait for the node, apply the Deployment, watch until all its pods are Ready, and show what there is."""
        await self._watch("the node is Ready", lambda picture: picture.node_ready)
        self._say(f"Applying the walkthrough's Deployment with {REPLICAS} replicas")
        await self._cluster.kubectl("apply", "-f", "-", stdin=json.dumps(walkthrough_deployment(self._node)))
        await self._watch(f"{REPLICAS} pods are Running and Ready", lambda picture: picture.all_ready(REPLICAS))
        await self._show("get", "nodes")
        await self._show("get", "pods", "-o", "wide")
        picture = await self.look()
        self._say(f"{len(picture.groups)} container groups in the simulated SaladCloud")
        wide = Console(file=self._console.file, width=max(self._console.width, WIDEST_TABLE), highlight=False)
        wide.print(group_table(picture.groups))
        await self._show_log_line(picture)

    async def remove(self) -> None:
        """Delete all that runs in the demo's namespace, also what a user tried; watch until no group of it is left."""
        self._say("Deleting the Deployment")
        await self._cluster.kubectl("delete", OWNERS, "--all", "--cascade=foreground", "--wait=false")
        await self._cluster.kubectl("delete", "pods", "--all", "--wait=false")
        await self._watch("no pod and no container group is left", lambda p: not p.pods and not p.groups_in(NAMESPACE))
        self._say("0 pods, 0 container groups: nothing is left that would cost money")

    async def watch(self) -> None:
        """Show the picture as it changes, until cancelled."""
        async with self._shown() as show:
            while True:
                show(await self.look())
                await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> Picture:
        """Look at node, pods and groups once."""
        node = await self._get("node", self._node, "--ignore-not-found")
        pods = await self._get("pods")
        conditions = (node or {}).get("status", {}).get("conditions", [])
        return Picture(
            node=self._node,
            node_ready=any(c["type"] == "Ready" and c["status"] == "True" for c in conditions),
            pods=tuple(pod_row(pod) for pod in (pods or {}).get("items", [])),
            groups=(await self._cloud.list_container_groups()).items,
        )

    async def _get(self, *words: str) -> Any:
        answer = (await self._cluster.kubectl("get", *words, "-o", "json")).stdout
        return json.loads(answer) if answer.strip() else None

    async def _watch(self, what: str, done: Callable[[Picture], bool]) -> None:
        """Show the picture as it changes until it is `done`; raises DemoFailed after the deadline."""
        picture = Picture(node=self._node)
        try:
            async with asyncio.timeout(STEP_DEADLINE_S), self._shown() as show:
                while not done(picture := await self.look()):
                    show(picture)
                    await asyncio.sleep(LOOK_EVERY_S)
                show(picture)
        except TimeoutError:
            seen = picture.summary()
            raise DemoFailed(f"not within {STEP_DEADLINE_S:.0f} s: {what}; last seen: {seen}") from None
        self._say(f"{what}")

    @asynccontextmanager
    async def _shown(self) -> AsyncIterator[Callable[[Picture], None]]:
        """Show pictures: live on a terminal, as a line for each change elsewhere."""
        if self._console.is_terminal:
            with Live(console=self._console, transient=True, refresh_per_second=8) as live:
                yield lambda picture: live.update(draw(picture))
            return
        last = ""

        def show(picture: Picture) -> None:
            nonlocal last
            line = picture.summary()
            if line != last:
                self._console.print(f"    {line}", highlight=False, soft_wrap=True)
                last = line

        yield show

    async def _show(self, *words: str) -> None:
        self._console.print(f"$ kubectl {' '.join(words)}", style="bold", highlight=False)
        self._console.print((await self._cluster.kubectl(*words)).stdout.rstrip(), highlight=False, soft_wrap=True)

    async def _show_log_line(self, picture: Picture) -> None:
        """Read one line that a pod's program wrote from SaladCloud's log entries."""
        name = picture.groups[0].name
        query = f'resource.type = "container" and resource.labels.container_group_name = "{name}"'
        try:
            async with asyncio.timeout(STEP_DEADLINE_S):
                while True:
                    now = datetime.now(UTC)
                    page = await self._cloud.query_log_entries(
                        LogEntryQuery(
                            query=query,
                            start_time=now - timedelta(hours=1),
                            end_time=now,
                            page_size=1,
                            sort_order=SortOrder.ASCENDING,
                        )
                    )
                    if page.items:
                        break
                    await asyncio.sleep(LOOK_EVERY_S)
        except TimeoutError:
            raise DemoFailed(f"no log line of container group {name} appeared") from None
        self._say(f"A log line of {name}")
        self._console.print(f"    {page.items[0].text_log}", highlight=False)

    def _say(self, text: str) -> None:
        self._console.print(f"==> {text}", style="bold green", highlight=False)
