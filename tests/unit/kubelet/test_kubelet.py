"""One virtual kubelet as a whole: its start, its stop, and what ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx2
import pytest

from scvk.kubelet.cluster_errors import ClusterUnreachable
from scvk.kubelet.events import Subject
from scvk.kubelet.inputs import InputNeeds
from scvk.kubelet.kubelet import STOP_DEADLINE_S, AgentIdentity, Kubelet
from scvk.kubelet.lease import AgentLeaseLost, AnotherAgent
from scvk.kubelet.node import NodeIdentity
from scvk.kubelet.node_keeper import NodeTaken
from scvk.kubelet.provider import Holding, Observation, PodEvent, PodIdentity, PodKey
from tests.unit.kubelet.builders import NODE, pod_json, running, status
from tests.unit.kubelet.fake_provider import FakeProvider
from tests.unit.kubelet.in_memory_api import InMemoryApi

pytestmark = pytest.mark.looptime

AGENT_LEASE = f"leases/lab/{NODE}-agent"
NODE_LEASE = f"leases/kube-node-lease/{NODE}"


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
def kubelet(api: InMemoryApi, provider: FakeProvider, now: Callable[[], datetime]) -> Kubelet:
    identity = NodeIdentity(NODE, "10.0.0.7", "v1.37.2")
    return Kubelet(api.cluster, provider, identity, AgentIdentity("me", "lab"), now=now)


async def nothing() -> None:
    """Prepare nothing."""


async def stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def holder(api: InMemoryApi) -> str:
    found = api.objects[AGENT_LEASE]["spec"]["holderIdentity"]
    assert isinstance(found, str)
    return found


def causes(error: BaseException) -> list[type[BaseException]]:
    if isinstance(error, BaseExceptionGroup):
        return [kind for inner in error.exceptions for kind in causes(inner)]
    return [type(error)]


async def test_construction_has_no_effect(api: InMemoryApi, kubelet: Kubelet) -> None:
    await asyncio.sleep(60)
    assert api.seen == []


async def test_a_node_is_played_until_it_is_cancelled(
    api: InMemoryApi, provider: FakeProvider, kubelet: Kubelet
) -> None:
    api.put("pods/shop/web", pod_json())
    provider.observe = lambda _: Observation(status(running()))
    task = asyncio.create_task(kubelet.run(nothing))
    await asyncio.sleep(1)
    assert holder(api) == "me"
    assert (
        api.objects[NODE_LEASE]["metadata"]["ownerReferences"][0]["uid"]
        == (api.objects[f"nodes/{NODE}"]["metadata"]["uid"])
    )
    assert api.objects["pods/shop/web"]["status"]["phase"] == "Running"
    await asyncio.sleep(600)
    await stopped(task)


async def test_a_stop_disturbs_no_pod_and_frees_the_agent_lease(
    api: InMemoryApi, provider: FakeProvider, kubelet: Kubelet
) -> None:
    api.put("pods/shop/web", pod_json(status=running()))
    task = asyncio.create_task(kubelet.run(nothing))
    await asyncio.sleep(1)
    before = {path: body for path, body in api.objects.items() if path != AGENT_LEASE}
    await stopped(task)
    assert holder(api) == ""
    assert {path: body for path, body in api.objects.items() if path != AGENT_LEASE} == before
    assert provider.removed == []


async def test_the_agent_lease_comes_first(api: InMemoryApi, kubelet: Kubelet) -> None:
    task = asyncio.create_task(kubelet.run(nothing))
    await asyncio.sleep(1)
    assert api.writes[0] == ("POST", "leases/lab")
    await stopped(task)


async def test_what_must_be_prepared_is_done_between_lease_and_registration(api: InMemoryApi, kubelet: Kubelet) -> None:
    before: list[tuple[str, str]] = []

    async def prepare() -> None:
        before.extend(api.writes)
        await asyncio.sleep(60)  # the agent lease is renewed meanwhile
        assert holder(api) == "me"
        assert f"nodes/{NODE}" not in api.objects

    task = asyncio.create_task(kubelet.run(prepare))
    await asyncio.sleep(61)
    assert before == [("POST", "leases/lab")]
    assert f"nodes/{NODE}" in api.objects
    await stopped(task)


async def test_a_provider_gets_its_memory_back_before_it_is_prepared(
    api: InMemoryApi, provider: FakeProvider, kubelet: Kubelet
) -> None:
    recalled: list[int] = []

    async def prepare() -> None:
        recalled.append(len(provider.recalled))

    api.put(f"nodes/{NODE}", {"metadata": {"labels": {"type": "virtual-kubelet"}, "annotations": {"cursor": "then"}}})
    provider.memory = {"cursor": "now"}
    task = asyncio.create_task(kubelet.run(prepare))
    await asyncio.sleep(1)
    assert (recalled, provider.recalled) == ([1], [{"cursor": "then"}])
    assert api.objects[f"nodes/{NODE}"]["metadata"]["annotations"] == {"cursor": "now"}
    provider.memory = {"cursor": "at the end"}
    await stopped(task)
    assert api.objects[f"nodes/{NODE}"]["metadata"]["annotations"] == {"cursor": "at the end"}


async def test_the_provider_is_told_which_pods_are_bound_once_they_are_known(
    api: InMemoryApi, provider: FakeProvider, kubelet: Kubelet
) -> None:
    api.put("pods/shop/web", pod_json())
    task = asyncio.create_task(kubelet.run(nothing))
    await asyncio.sleep(15)
    assert (provider.bound[0], provider.bound[-1]) == (None, {"uid-a"})
    await stopped(task)


async def test_a_preparation_that_fails_frees_the_lease_and_registers_nothing(
    api: InMemoryApi, kubelet: Kubelet
) -> None:
    async def prepare() -> None:
        raise RuntimeError("the key is wrong")

    with pytest.raises(BaseExceptionGroup) as caught:
        await kubelet.run(prepare)
    assert causes(caught.value) == [RuntimeError]
    assert holder(api) == ""
    assert f"nodes/{NODE}" not in api.objects


async def test_while_another_agent_lives_nothing_is_changed(api: InMemoryApi, kubelet: Kubelet) -> None:
    prepared: list[bool] = []

    async def prepare() -> None:
        prepared.append(True)

    api.put(AGENT_LEASE, {"spec": {"holderIdentity": "other", "leaseDurationSeconds": 15, "renewTime": None}})
    task = asyncio.create_task(kubelet.run(prepare))
    await asyncio.sleep(3)
    api.change(AGENT_LEASE, {"spec": {"renewTime": "2026-03-01T12:00:03.000000Z"}})
    with pytest.raises(AnotherAgent):
        await task
    assert (api.writes, prepared) == ([], [])


async def test_a_name_that_belongs_to_a_machine_frees_the_lease_again(api: InMemoryApi, kubelet: Kubelet) -> None:
    api.put(f"nodes/{NODE}", {})
    with pytest.raises(BaseExceptionGroup) as caught:
        await kubelet.run(nothing)
    assert causes(caught.value) == [NodeTaken]
    assert holder(api) == ""
    assert {path.split("/")[0] for _, path in api.writes} == {"leases"}


async def test_what_must_be_prepared_comes_behind_the_lease_and_before_the_node(
    api: InMemoryApi, kubelet: Kubelet
) -> None:
    seen: list[tuple[str, bool]] = []

    async def prepare() -> None:
        seen.append((holder(api), f"nodes/{NODE}" in api.objects))

    task = asyncio.create_task(kubelet.run(prepare))
    await asyncio.sleep(1)
    assert seen == [("me", False)]
    assert f"nodes/{NODE}" in api.objects
    await stopped(task)


async def test_a_preparation_that_fails_registers_no_node_and_frees_the_lease(
    api: InMemoryApi, kubelet: Kubelet
) -> None:
    async def prepare() -> None:
        raise LookupError("no such project")

    with pytest.raises(BaseExceptionGroup) as caught:
        await kubelet.run(prepare)
    assert causes(caught.value) == [LookupError]
    assert holder(api) == ""
    assert {path.split("/")[0] for _, path in api.writes} == {"leases"}


async def test_a_cluster_that_cannot_be_reached_at_the_start_is_said_at_once(
    api: InMemoryApi, kubelet: Kubelet, looptime: Any
) -> None:
    api.refuse(httpx2.ConnectError("refused"), times=None)
    with pytest.raises(ClusterUnreachable):
        await kubelet.run(nothing)
    assert looptime == 0


async def test_an_agent_whose_lease_was_taken_stops_without_touching_it(api: InMemoryApi, kubelet: Kubelet) -> None:
    task = asyncio.create_task(kubelet.run(nothing))
    await asyncio.sleep(1)
    api.change(AGENT_LEASE, {"spec": {"holderIdentity": "other"}})
    with pytest.raises(BaseExceptionGroup) as caught:
        await task
    assert causes(caught.value) == [AgentLeaseLost]
    assert holder(api) == "other"


@pytest.mark.parametrize("at", [0.5, 1.5, 2.5, 3.5, 4.5, 5.5])
async def test_a_stop_at_any_moment_of_the_start_frees_the_lease(api: InMemoryApi, kubelet: Kubelet, at: float) -> None:
    api.delay_s = 1.0
    task = asyncio.create_task(kubelet.run(nothing))
    await asyncio.sleep(at)
    await stopped(task)
    assert AGENT_LEASE not in api.objects or holder(api) == ""


async def test_a_slow_start_does_not_lose_the_lease(api: InMemoryApi, kubelet: Kubelet) -> None:
    def slow(seen: Any) -> None:
        api.delay_s = 0.0 if seen.path.startswith("leases") else 15.0

    api.before = slow
    task = asyncio.create_task(kubelet.run(nothing))
    await asyncio.sleep(40)
    assert api.objects[AGENT_LEASE]["spec"]["renewTime"] >= "2026-03-01T12:00:35"
    api.before = None
    api.delay_s = 0.0
    await asyncio.sleep(30)
    assert f"nodes/{NODE}" in api.objects
    await stopped(task)


async def test_a_stop_does_not_hang_on_a_server_that_does_not_answer(
    api: InMemoryApi, kubelet: Kubelet, looptime: Any
) -> None:
    task = asyncio.create_task(kubelet.run(nothing))
    await asyncio.sleep(1)
    api.delay_s = 1000
    await stopped(task)
    assert looptime == 1 + STOP_DEADLINE_S


async def test_many_waiting_events_do_not_keep_the_lease_from_being_freed(
    api: InMemoryApi, provider: FakeProvider, kubelet: Kubelet
) -> None:
    for number in range(50):
        api.put(f"pods/shop/web-{number}", pod_json(f"web-{number}", uid=f"uid-{number}"))
    provider.observe = lambda _: Observation(None, events=(PodEvent("Created", "m"),))
    task = asyncio.create_task(kubelet.run(nothing))
    await asyncio.sleep(0.5)
    api.delay_s = 0.5
    for number in range(50):
        provider.observe = lambda _: Observation(None, events=(PodEvent("Again", "m"),))
        provider.moved.put_nowait(PodKey("shop", f"web-{number}"))
    await asyncio.sleep(0.1)
    await stopped(task)
    assert holder(api) == ""


async def test_a_stop_writes_the_last_events(api: InMemoryApi, kubelet: Kubelet) -> None:
    task = asyncio.create_task(kubelet.run(nothing))
    await asyncio.sleep(1)
    api.delay_s = 0.2
    for text in ("before", "the last words"):
        kubelet._events.record(Subject("Pod", "web", "uid-a", "shop"), PodEvent("Killing", text))
    await stopped(task)
    assert api.bodies("POST", "events")[-1]["message"] == "the last words"


async def test_an_outage_of_the_api_server_is_waited_out(
    api: InMemoryApi, provider: FakeProvider, kubelet: Kubelet
) -> None:
    api.put("pods/shop/web", pod_json())
    task = asyncio.create_task(kubelet.run(nothing))
    await asyncio.sleep(1)
    api.refuse(httpx2.ConnectError("refused"), times=None)
    for watch in api.watches:
        watch.break_off()
    api.watches.clear()
    await asyncio.sleep(600)
    api.heal()
    api.put("pods/shop/db", pod_json("db", uid="uid-b"))
    await asyncio.sleep(30)
    assert "db" in provider.synced_names()
    assert provider.removed == []
    await stopped(task)


async def test_what_no_pod_owns_is_collected_but_not_before_the_pods_are_known(
    api: InMemoryApi, provider: FakeProvider, kubelet: Kubelet
) -> None:
    provider.held = (Holding(PodIdentity(PodKey("shop", "gone"), "uid-gone"), NODE),)
    api.refuse(500, path="pods", exactly=True, times=None)
    task = asyncio.create_task(kubelet.run(nothing))
    await asyncio.sleep(120)
    assert provider.removed == []
    api.heal()
    await asyncio.sleep(80)
    assert {uid for uid, _ in provider.removed} == {"uid-gone"}
    await stopped(task)


async def test_a_lease_that_was_taken_though_its_answer_never_came_is_freed(api: InMemoryApi, kubelet: Kubelet) -> None:
    def takes_effect(seen: Any) -> None:
        if seen.method == "POST":
            api.before = None
            api.put(AGENT_LEASE, seen.body)

    api.before = takes_effect
    api.delay_s = 1.0
    task = asyncio.create_task(kubelet.run(nothing))
    await asyncio.sleep(1.5)
    assert holder(api) == "me"
    await stopped(task)
    assert holder(api) == ""


@pytest.mark.parametrize(("links", "hosts"), [(False, []), (True, ["KUBERNETES_SERVICE_HOST"])])
async def test_pods_know_services_where_the_operator_says_so_and_the_node_always(
    api: InMemoryApi, provider: FakeProvider, now: Callable[[], datetime], links: bool, hosts: list[str]
) -> None:
    plain = pod_json()
    plain["spec"]["containers"][0]["env"] = [
        {"name": "HOST", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
        {"name": "CPUS", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
    ]
    api.put("pods/shop/web", plain)
    api.put("services/default/kubernetes", {"spec": {"clusterIP": "10.1.0.1", "ports": [{"port": 443}]}})
    provider.needs = InputNeeds(("main",))
    identity = NodeIdentity(NODE, "10.0.0.7", "v1.37.2")
    kubelet = Kubelet(api.cluster, provider, identity, AgentIdentity("me", "lab"), service_links=links, now=now)
    task = asyncio.create_task(kubelet.run(nothing))
    await asyncio.sleep(1)
    await stopped(task)
    environment = provider.inputs[0].containers["main"].environment
    assert (environment["HOST"], environment["CPUS"]) == ("10.0.0.7", "4")
    assert [name for name in environment if name.endswith("_SERVICE_HOST")] == hosts


@pytest.mark.parametrize(("wanted", "address"), [(False, None), (True, "10.0.0.7")])
async def test_pods_show_the_nodes_address_as_their_own_where_the_operator_says_so(
    api: InMemoryApi, provider: FakeProvider, now: Callable[[], datetime], wanted: bool, address: str | None
) -> None:
    plain = pod_json()
    plain["spec"]["containers"][0]["env"] = [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]
    api.put("pods/shop/web", plain)
    provider.needs = InputNeeds(("main",))
    provider.observe = lambda _: Observation(status(running()))
    identity = NodeIdentity(NODE, "10.0.0.7", "v1.37.2")
    kubelet = Kubelet(api.cluster, provider, identity, AgentIdentity("me", "lab"), pods_have_node_ip=wanted, now=now)
    task = asyncio.create_task(kubelet.run(nothing))
    await asyncio.sleep(1)
    await stopped(task)
    shown = api.objects["pods/shop/web"]["status"]
    assert (shown.get("podIP"), shown.get("podIPs")) == (address, [{"ip": address}] if address else None)
    assert provider.inputs[0].containers["main"].environment.get("IP") == address
