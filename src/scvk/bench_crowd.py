"""Many pods of one node, and the groups that an agent which is gone made for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from random import Random
from typing import Any, TypeVar

import httpx2
import msgspec
from lightkube.resources.core_v1 import Namespace, Pod

from scvk.bench_simulator import KEYS
from scvk.kubelet.cluster import Cluster
from scvk.kubelet.downward import NodeView
from scvk.kubelet.input_objects import InputObjects
from scvk.kubelet.inputs import InputNeeds
from scvk.kubelet.resolution import resolve_inputs
from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.provider.ownership import PodMark
from scvk.provider.translate import translate
from scvk.saladcloud.models.bodies import body_of

NODE = "bench-pods"
PODS = 1000
SETTLED_AFTER_S = 150.0
"""Seconds from the start of a container at which the first changes come: the agent knows all pods by then."""
CHANGES_S = 60.0
"""For pods that become unready, and after that for programs that end and machines that are lost."""
INTERRUPTED = tuple(f"default-pod-{number}-*" for number in range(3, PODS, 10))
"""Names of the groups that are to lose their machines, one in ten."""
_AT_ONCE = 16

_T = TypeVar("_T")
_R = TypeVar("_R")


def _pod(number: int, random: Random) -> dict[str, Any]:
    """Two in ten become unready, after that one in ten ends; the others run."""
    unready_s = SETTLED_AFTER_S + random.uniform(0, CHANGES_S)
    ends_s = SETTLED_AFTER_S + CHANGES_S + random.uniform(0, CHANGES_S)
    role = number % 10
    script = f"unready after {unready_s:.1f}s" if role < 2 else f"exit 0 after {ends_s:.1f}s" if role == 2 else "run"
    container: dict[str, Any] = {
        "name": "main",
        "image": "docker.io/library/busybox:1.37",
        "command": ["scvk-script", *script.split()],
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
    }
    if role < 2:
        container["readinessProbe"] = {"tcpSocket": {"port": 80}, "periodSeconds": 1, "failureThreshold": 1}
    return {
        "metadata": {"name": f"pod-{number}"},
        "spec": {"nodeName": NODE, "restartPolicy": "Never", "containers": [container]},
    }


async def make_pods(cluster: Cluster) -> list[Pod]:
    """Create them, bound to the node."""
    random = Random(1)
    bodies = iter([_pod(number, random) for number in range(PODS)])
    return await _side_by_side(bodies, lambda body: cluster.create(Pod, body, namespace="default"))


async def make_groups(cluster: Cluster, pods: Sequence[Pod], url: str) -> None:
    """Create a group for each pod, as the agent would."""
    kube_system = await cluster.get(Namespace, "kube-system")
    assert kube_system.metadata is not None
    cluster_id = kube_system.metadata.uid or ""
    async with httpx2.AsyncClient(timeout=60, trust_env=False) as http:

        async def create(numbered: tuple[int, Pod]) -> None:
            number, pod = numbered
            headers = {"Salad-Api-Key": KEYS[1 + number % (len(KEYS) - 1)], "Content-Type": "application/json"}
            address = f"{url}/organizations/acme-corp/projects/default/containers"
            answer = await http.post(address, content=_request(pod, cluster_id), headers=headers)
            assert answer.is_success, answer.text

        await _side_by_side(iter(enumerate(pods)), create)


def _request(pod: Pod, cluster_id: str) -> bytes:
    assert pod.metadata is not None
    inputs = resolve_inputs(pod, InputNeeds(("main",)), InputObjects(), NodeView(NODE)).complete()
    mark = PodMark(cluster_id, "default", pod.metadata.name or "", pod.metadata.uid or "", 0, NODE)
    translation = translate(pod, inputs, mark, GpuCatalogue.of(()))
    assert translation.request is not None, translation.findings
    return msgspec.json.encode(body_of(translation.request))


async def _side_by_side(items: Iterator[_T], work: Callable[[_T], Awaitable[_R]]) -> list[_R]:
    results: list[_R] = []

    async def some() -> None:
        for item in items:
            result = await work(item)
            results.append(result)

    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(some())
    return results
