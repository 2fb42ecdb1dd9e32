"""A thousand pods on a real control plane: what an agent takes to find, to keep and to follow them.

Their groups are made behind the agent's back, as another agent left them: to create them takes five minutes at
SaladCloud's limit, which is measured on a virtual clock. Everything else is real: API server, agent and simulator are
processes of their own, the simulator at the platform's own pace with a virtual runtime.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from lightkube.config.kubeconfig import KubeConfig

from scvk.bench_crowd import CHANGES_S, INTERRUPTED, NODE, PODS, make_groups, make_pods
from scvk.bench_pod_states import PodStates, delays_s
from scvk.bench_process import Watched, started_agent
from scvk.bench_simulator import KEYS, agents_requests, interrupt, simulator
from scvk.bench_simulator import events as events_of
from scvk.kubelet.cluster import Cluster
from scvk.testbed import Testbed

IDLE_S = 60.0
SEEN_WITHIN_S = 20.0
_DEADLINE_S = 240.0


@dataclass(frozen=True)
class Measured:
    """Seconds until all pods were Ready; requests of a minute, processor and memory at rest; answers 429 to the end.

    `unready_s`: from readiness that a probe lost to the pod's condition, while nothing else happens. `moved_s`: from
    the end of a program, the loss of a machine and the start on another one to the pod's status.
    """

    found_s: float
    requests: int
    throttled: int
    cpu_percent: float
    resident_mb: float
    unready_s: tuple[float, ...]
    moved_s: tuple[float, ...]


async def measure(testbed: Testbed) -> Measured:
    """Take some five minutes; the pods stay behind in the testbed."""
    async with simulator(2 * PODS) as url, _connected(testbed) as cluster:
        await testbed.kubectl("delete", "node", NODE, "--ignore-not-found")
        states = PodStates(cluster, NODE)
        async with started_agent(testbed, url, KEYS[0], NODE):
            pass  # the node is there now, so that pods of it are not collected
        pods = await make_pods(cluster)
        await make_groups(cluster, pods, url)
        watch = asyncio.create_task(states.watch())
        try:
            started = time.monotonic()
            async with started_agent(testbed, url, KEYS[0], NODE) as agent:
                async with asyncio.timeout(_DEADLINE_S):
                    while states.ready() < PODS:  # noqa: ASYNC110 - the events are in other processes
                        await asyncio.sleep(0.2)
                return await _follow(states, agent, url, time.monotonic() - started)
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)


async def _follow(states: PodStates, agent: Watched, url: str, found_s: float) -> Measured:
    await asyncio.sleep(10)
    cpu_s, requests = agent.cpu_s(), len(await agents_requests(url))
    await asyncio.sleep(IDLE_S)
    cpu_percent, resident_mb = 100 * (agent.cpu_s() - cpu_s) / IDLE_S, agent.resident_mb()
    requests = len(await agents_requests(url)) - requests
    since = datetime.now(UTC)
    async with asyncio.timeout(_DEADLINE_S):
        while not any("Exited" in words for _, _, words in await events_of(url, since)):  # noqa: ASYNC110
            await asyncio.sleep(1)  # the event is in another process
    quiet_until = datetime.now(UTC)
    await interrupt(url, INTERRUPTED, within_s=CHANGES_S)
    await asyncio.sleep(SEEN_WITHIN_S)
    happened = await events_of(url, since)
    unready = delays_s(states, [event for event in happened if event[0] < quiet_until and "Not Ready" in event[2]])
    moved = delays_s(states, [event for event in happened if event[0] >= quiet_until])
    throttled = sum(each["status"] == 429 for each in await agents_requests(url))
    return Measured(found_s, requests, throttled, cpu_percent, resident_mb, unready, moved)


@asynccontextmanager
async def _connected(testbed: Testbed) -> AsyncIterator[Cluster]:
    config = KubeConfig.from_file(testbed.kubeconfig).get()
    assert config is not None
    cluster = Cluster.connect(config, user_agent="scvk-bench")
    try:
        yield cluster
    finally:
        await cluster.aclose()
