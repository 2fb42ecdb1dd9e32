"""A Node is taken away: the mark is heeded by a living agent or there is none, pods go, then the Node."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from scvk.kubelet.cluster_errors import ClusterForbidden
from scvk.kubelet.kubelet import AgentIdentity, Kubelet
from scvk.kubelet.leaving import HEEDED, MARK, Leaving
from scvk.kubelet.node import NodeIdentity
from scvk.kubelet.uninstallation import HEEDS_WITHIN_S, NO_AGENT_AFTER_S, Uninstallation, UninstallationError
from tests.unit.kubelet.builders import NODE, node_json, pod_json
from tests.unit.kubelet.fake_provider import GONE, FakeProvider
from tests.unit.kubelet.in_memory_api import InMemoryApi

pytestmark = pytest.mark.looptime

PATH = f"nodes/{NODE}"
LEASE = f"leases/kube-node-lease/{NODE}"
Now = Callable[[], datetime]


async def nothing() -> None:
    """Prepare nothing."""


def played(api: InMemoryApi, provider: FakeProvider, now: Now) -> asyncio.Task[None]:
    identity = NodeIdentity(NODE, "10.0.0.7", "v1.37.2")
    kubelet = Kubelet(api.cluster, provider, identity, AgentIdentity("me", "lab"), now=now)
    return asyncio.create_task(kubelet.run(nothing))


async def uninstallation(api: InMemoryApi, now: Now) -> Uninstallation:
    going = await Uninstallation.of(api.cluster, NODE, now=now)
    assert going is not None
    return going


async def test_a_node_that_is_not_there_is_no_error(api: InMemoryApi, now: Now) -> None:
    assert await Uninstallation.of(api.cluster, NODE, now=now) is None


async def test_a_machine_is_never_taken_away(api: InMemoryApi, now: Now) -> None:
    api.put(PATH, {})
    with pytest.raises(UninstallationError, match="no virtual kubelet"):
        await Uninstallation.of(api.cluster, NODE, now=now)
    assert api.writes == []


async def test_whether_the_node_may_be_deleted_is_asked_before_anything_is_changed(api: InMemoryApi, now: Now) -> None:
    api.put(PATH, node_json())
    await uninstallation(api, now)
    assert PATH in api.objects
    assert [body["dryRun"] for body in api.bodies("DELETE")] == [["All"]]
    api.refuse(403, method="DELETE", path=PATH)
    with pytest.raises(ClusterForbidden):
        await Uninstallation.of(api.cluster, NODE, now=now)


async def test_the_mark_cordons_and_makes_the_agent_say_anew_that_it_heeds_it(api: InMemoryApi, now: Now) -> None:
    api.put(PATH, node_json(annotations={HEEDED: "drain"}))
    await (await uninstallation(api, now)).mark(Leaving.DRAIN)
    assert api.objects[PATH]["metadata"]["annotations"] == {MARK: "drain"}
    assert api.objects[PATH]["spec"]["unschedulable"] is True


@pytest.mark.parametrize("lease", [None, "2026-03-01T10:00:00.000000Z"])
async def test_a_node_without_a_lease_or_with_one_long_dead_has_no_agent(
    api: InMemoryApi, now: Now, looptime: Any, lease: str | None
) -> None:
    api.put(PATH, node_json())
    if lease:
        api.put(LEASE, {"spec": {"renewTime": lease}})
    assert not await (await uninstallation(api, now)).is_heeded(Leaving.DRAIN)
    assert looptime == 0


async def test_a_lease_that_nobody_renews_is_watched_long_enough(api: InMemoryApi, now: Now, looptime: Any) -> None:
    api.put(PATH, node_json())
    api.put(LEASE, {"spec": {"renewTime": "2026-03-01T11:59:58.000000Z"}})
    assert not await (await uninstallation(api, now)).is_heeded(Leaving.DRAIN)
    assert looptime == pytest.approx(NO_AGENT_AFTER_S, abs=1)


async def test_an_agent_that_does_not_heed_the_mark_must_be_stopped_first(api: InMemoryApi, now: Now) -> None:
    api.put(PATH, node_json())
    api.put(LEASE, {"spec": {"renewTime": "2026-03-01T12:00:00.000000Z"}})
    going = await uninstallation(api, now)
    waiting = asyncio.create_task(going.is_heeded(Leaving.DRAIN))
    for seconds in range(10, int(HEEDS_WITHIN_S) + 10, 10):
        await asyncio.sleep(10)
        api.change(LEASE, {"spec": {"renewTime": f"2026-03-01T12:00:{seconds}.000000Z"}})
    with pytest.raises(UninstallationError, match="does not heed"):
        await waiting


async def test_a_living_agent_heeds_the_mark_within_its_next_look_and_ends_with_the_node(
    api: InMemoryApi, now: Now
) -> None:
    provider = FakeProvider(removal=lambda _: GONE)
    agent = played(api, provider, now)
    await asyncio.sleep(1)
    api.put("pods/shop/web", pod_json())
    api.put("pods/shop/elsewhere", pod_json("elsewhere", uid="uid-b", node="another"))
    going = await uninstallation(api, now)
    await going.mark(Leaving.DRAIN)
    assert await going.is_heeded(Leaving.DRAIN)
    uids = await going.delete_pods()
    assert uids == {"uid-a"}
    await asyncio.sleep(5)
    assert await going.remaining(uids) == ()
    await going.delete_node()
    await asyncio.sleep(5)
    assert agent.done()
    assert PATH not in api.objects
    assert "deletionTimestamp" not in api.objects["pods/shop/elsewhere"]["metadata"]
    assert {uid for uid, _ in provider.removed} == {"uid-a"}


async def test_pods_that_are_made_anew_meanwhile_are_not_waited_for(api: InMemoryApi, now: Now) -> None:
    api.put(PATH, node_json())
    api.put("pods/shop/daemon", pod_json("daemon"))
    going = await uninstallation(api, now)
    uids = await going.delete_pods()
    api.remove("pods/shop/daemon")
    api.put("pods/shop/daemon", pod_json("daemon", uid="uid-new"))  # as its DaemonSet does
    assert await going.remaining(uids) == ()


async def test_a_node_that_somebody_made_anew_meanwhile_is_left_alone(api: InMemoryApi, now: Now) -> None:
    api.put(PATH, node_json(uid="first"))
    going = await uninstallation(api, now)
    api.remove(PATH)
    await going.delete_node()
    api.put(PATH, node_json(uid="second"))
    with pytest.raises(Exception, match="uid"):
        await going.delete_node()
    assert PATH in api.objects
