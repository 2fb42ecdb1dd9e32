"""An agent that was away: what Kubernetes did meanwhile is met, and made right, on its return.

After 50 s without a lease the node lifecycle controller says that the node's conditions are Unknown and its pods not
Ready, and taints the node; 300 s later it deletes pods; pods of a Node that somebody deleted go by force.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx2
import pytest

from scvk.kubelet.kubelet import AgentIdentity, Kubelet
from scvk.kubelet.node import NodeIdentity
from scvk.kubelet.provider import Holding, Observation, PodIdentity, PodKey
from tests.unit.kubelet.builders import NODE, pod_json, running, status
from tests.unit.kubelet.fake_provider import GONE, FakeProvider
from tests.unit.kubelet.in_memory_api import InMemoryApi

pytestmark = pytest.mark.looptime

PATH, POD = f"nodes/{NODE}", "pods/shop/web"
READY = [{"type": "ContainersReady", "status": "True"}, {"type": "Ready", "status": "True"}]
TAINT = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}


async def nothing() -> None:
    """Prepare nothing."""


class Played:
    """A kubelet whose provider says of every pod that it runs and is ready."""

    def __init__(self, api: InMemoryApi, now: Callable[[], datetime]) -> None:
        self.api = api
        self.now = now
        self.provider = FakeProvider(observe=lambda _: Observation(status(running(conditions=READY))))
        api.put(POD, pod_json())

    async def start(self) -> None:
        identity = NodeIdentity(NODE, "10.0.0.7", "v1.37.2")
        kubelet = Kubelet(self.api.cluster, self.provider, identity, AgentIdentity("me", "lab"), now=self.now)
        self.task = asyncio.create_task(kubelet.run(nothing))
        await asyncio.sleep(1)

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def mark_unreachable(self) -> None:
        """Do what the node lifecycle controller does after 50 s."""
        kinds = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
        others = [c for c in self.api.objects[PATH]["status"]["conditions"] if c["type"] not in kinds]
        unknown = [{"type": kind, "status": "Unknown", "reason": "NodeStatusUnknown"} for kind in kinds]
        self.api.change(PATH, {"spec": {"taints": [TAINT]}, "status": {"conditions": [*others, *unknown]}})
        conditions = [
            {**c, "status": "False", "reason": "NodeNotReady"} if c["type"] == "Ready" else c
            for c in self.api.objects[POD]["status"]["conditions"]
        ]
        self.api.change(POD, {"status": {"conditions": conditions}})

    def condition(self, path: str, kind: str) -> dict[str, Any]:
        (found,) = [c for c in self.api.objects[path]["status"]["conditions"] if c["type"] == kind]
        assert isinstance(found, dict)
        return found

    def is_well(self) -> bool:
        pressure = self.condition(PATH, "MemoryPressure")["status"]
        return (self.condition(PATH, "Ready")["status"], pressure, self.condition(POD, "Ready")["status"]) == (
            "True",
            "False",
            "True",
        )


@pytest.fixture
def played(api: InMemoryApi, now: Callable[[], datetime]) -> Played:
    return Played(api, now)


async def test_less_than_the_grace_period_away_changes_nothing(api: InMemoryApi, played: Played) -> None:
    await played.start()
    await played.stop()
    before = played.condition(POD, "Ready")
    await asyncio.sleep(40)
    api.seen.clear()
    await played.start()
    assert played.is_well()
    assert played.condition(POD, "Ready") == before
    assert not [seen for seen in api.seen if seen.path.startswith("pods") and seen.is_write]
    await played.stop()


async def test_after_two_minutes_away_node_and_pods_are_ready_again_at_once(api: InMemoryApi, played: Played) -> None:
    await played.start()
    await played.stop()
    played.mark_unreachable()
    await asyncio.sleep(120)
    assert not played.is_well()
    await played.start()
    assert played.is_well()
    assert played.condition(POD, "Ready").get("reason") is None
    # The taint is the controller's own to take off.
    assert api.objects[PATH]["spec"]["taints"] == [TAINT]
    await played.stop()


async def test_an_agent_cut_off_from_the_api_server_makes_it_right_when_it_is_back(
    api: InMemoryApi, played: Played
) -> None:
    await played.start()
    api.refuse(httpx2.ConnectError("refused"), times=None)
    for watch in api.watches:
        watch.break_off()
    api.watches.clear()
    await asyncio.sleep(120)
    played.mark_unreachable()
    api.heal()
    await asyncio.sleep(30)
    assert played.is_well()
    assert played.provider.removed == []
    await played.stop()


async def test_pods_that_kubernetes_deleted_meanwhile_are_ended_properly(api: InMemoryApi, played: Played) -> None:
    await played.start()
    await played.stop()
    played.mark_unreachable()
    api.change(POD, {"metadata": {"deletionTimestamp": "2026-03-01T12:06:00Z"}})
    await asyncio.sleep(420)
    await played.start()
    assert POD in api.objects, "the pod stays until nothing is left of it"
    assert {uid for uid, _ in played.provider.removed} == {"uid-a"}
    played.provider.removal = lambda _: GONE
    await asyncio.sleep(5)
    assert POD not in api.objects
    assert played.condition(PATH, "Ready")["status"] == "True"
    await played.stop()


async def test_what_belonged_to_pods_removed_by_force_meanwhile_is_collected(api: InMemoryApi, played: Played) -> None:
    await played.start()
    await played.stop()
    played.provider.held = (Holding(PodIdentity(PodKey("shop", "web"), "uid-a"), NODE),)
    api.remove(POD)
    api.remove(PATH)
    await asyncio.sleep(420)
    await played.start()
    assert PATH in api.objects
    await asyncio.sleep(70)
    assert {uid for uid, _ in played.provider.removed} == {"uid-a"}
    await played.stop()
