"""The Node object: what it looks like, and that it stays so."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from lightkube.models.core_v1 import NodeCondition

from scvk.kubelet.cluster_errors import ClusterUnreachable, ObjectConflict
from scvk.kubelet.node import NodeIdentity, Taint, kubelet_version, new_node, node_labels, node_patch
from scvk.kubelet.node_keeper import HEARTBEAT_EVERY_S, MEMORY_EVERY_S, NodeKeeper, NodeTaken
from scvk.kubelet.node_status import node_conditions, node_status
from scvk.kubelet.provider import NodeFacts
from tests.unit.kubelet.builders import START, node, node_json
from tests.unit.kubelet.in_memory_api import InMemoryApi

pytestmark = pytest.mark.looptime

TAINT = Taint("virtual-kubelet.io/provider", "saladcloud", "NoSchedule")
IDENTITY = NodeIdentity("salad", "10.0.0.7", "v1.37.2-scvk-1", (TAINT,), {"team": "ml"})
FACTS = NodeFacts({"pods": "10", "cpu": "160"}, {"region": "everywhere"}, provider_id="saladcloud://acme/default")
NODE = "nodes/salad"


# -- pure ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "shown"),
    [
        ("v1.37.2", "v1.37.2-scvk-1"),
        ("v1.34.4-eks-3025e55", "v1.34.4-scvk-1"),
        ("v1.33.5+k3s1", "v1.33.5-scvk-1"),
        ("v0.0.0-master+$Format:%H$", "v0.0.0-scvk-1"),
        ("unknown", "v0.0.0-scvk-1"),
        ("", "v0.0.0-scvk-1"),
    ],
)
def test_the_version_is_the_api_servers_release(server: str, shown: str) -> None:
    assert kubelet_version(server, "scvk-1") == shown


def test_a_node_has_the_labels_of_a_virtual_kubelet_the_provider_and_the_operator() -> None:
    assert node_labels(IDENTITY, FACTS) == {
        "kubernetes.io/hostname": "salad",
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": "amd64",
        "kubernetes.io/role": "agent",
        "type": "virtual-kubelet",
        "node.kubernetes.io/exclude-from-external-load-balancers": "true",
        "region": "everywhere",
        "team": "ml",
    }


def test_the_operators_labels_win_but_for_those_by_which_the_node_is_known() -> None:
    chosen = {"region": "eu", "kubernetes.io/role": "gpu", "type": "mine", "kubernetes.io/hostname": "mine"}
    labels = node_labels(NodeIdentity("salad", "", "", labels=chosen), FACTS)
    assert (labels["region"], labels["kubernetes.io/role"]) == ("eu", "gpu")
    assert (labels["type"], labels["kubernetes.io/hostname"]) == ("virtual-kubelet", "salad")


def test_a_new_node_is_tainted_from_its_first_moment() -> None:
    assert new_node(IDENTITY, FACTS)["spec"] == {
        "taints": [{"key": "virtual-kubelet.io/provider", "value": "saladcloud", "effect": "NoSchedule"}],
        "providerID": "saladcloud://acme/default",
    }
    assert new_node(NodeIdentity("salad", "", ""), NodeFacts({}))["spec"] == {"taints": []}


OURS = {"key": "virtual-kubelet.io/provider", "value": "saladcloud", "effect": "NoSchedule"}
THEIRS = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": "2026-03-01T11:00:00Z"}
OTHER_VALUE = {**OURS, "value": "somebody"}
OTHER_EFFECT = {**OURS, "effect": "NoExecute"}


@pytest.mark.parametrize(
    ("present", "after"),
    [
        pytest.param([], [OURS], id="none yet"),
        pytest.param([OURS], None, id="ours"),
        pytest.param([THEIRS, OURS], None, id="ours and theirs"),
        pytest.param([THEIRS], [THEIRS, OURS], id="theirs"),
        pytest.param([OTHER_VALUE], [OURS], id="another value"),
        pytest.param([OTHER_EFFECT], [OTHER_EFFECT, OURS], id="another effect"),
    ],
)
def test_taints_of_others_stay(present: list[dict[str, Any]], after: list[dict[str, Any]] | None) -> None:
    plain = node_json(resourceVersion="7", labels=node_labels(IDENTITY, FACTS))
    plain["spec"] = {"taints": present}
    patch = node_patch(node(plain), IDENTITY, FACTS)
    if after is None:
        assert patch is None
    else:
        assert patch == {"spec": {"taints": after}, "metadata": {"resourceVersion": "7"}}


def test_only_labels_that_differ_are_patched() -> None:
    labels = {**node_labels(IDENTITY, FACTS), "team": "web", "foreign": "stays"}
    plain = {**node_json(labels=labels), "spec": {"taints": [OURS]}}
    assert node_patch(node(plain), IDENTITY, FACTS) == {"metadata": {"labels": {"team": "ml"}}}


def test_a_condition_keeps_its_transition_time_until_it_turns() -> None:
    earlier = START - timedelta(hours=1)
    before = [
        NodeCondition(type="Ready", status="True", lastTransitionTime=earlier),
        NodeCondition(type="MemoryPressure", status="Unknown", lastTransitionTime=earlier),
    ]
    made = {entry["type"]: entry for entry in node_conditions(FACTS, before, START)}
    assert made["Ready"]["lastTransitionTime"] == "2026-03-01T11:00:00Z"
    assert made["MemoryPressure"]["lastTransitionTime"] == "2026-03-01T12:00:00Z"
    assert made["DiskPressure"]["lastTransitionTime"] == "2026-03-01T12:00:00Z"
    assert {entry["lastHeartbeatTime"] for entry in made.values()} == {"2026-03-01T12:00:00Z"}


def test_a_node_has_the_conditions_of_a_kubelet_and_those_of_its_provider() -> None:
    facts = NodeFacts({}, conditions=(NodeCondition(type="CloudReachable", status="False", reason="Down"),))
    made = {entry["type"]: (entry["status"], entry["reason"]) for entry in node_conditions(facts, [], START)}
    assert set(made) == {
        "Ready",
        "MemoryPressure",
        "DiskPressure",
        "PIDPressure",
        "NetworkUnavailable",
        "CloudReachable",
    }
    assert made["Ready"][0] == "True"
    assert made["CloudReachable"] == ("False", "Down")


def test_the_status_shows_address_version_and_what_can_be_scheduled() -> None:
    status = node_status(node(node_json()), IDENTITY, FACTS, START)["status"]
    assert status["capacity"] == status["allocatable"] == {"pods": "10", "cpu": "160"}
    assert status["addresses"][1:] == [
        {"type": "InternalIP", "address": "10.0.0.7"},
        {"type": "Hostname", "address": "salad"},
    ]
    assert status["nodeInfo"]["kubeletVersion"] == "v1.37.2-scvk-1"


def test_the_status_tells_where_the_api_is_and_what_it_can_only_where_there_is_one() -> None:
    without = node_status(node(node_json()), IDENTITY, FACTS, START)["status"]
    assert not {"daemonEndpoints", "declaredFeatures"} & without.keys()
    served = dataclasses.replace(IDENTITY, port=10251, features=("ExtendWebSocketsToKubelet",))
    status = node_status(node(node_json()), served, FACTS, START)["status"]
    assert status["daemonEndpoints"] == {"kubeletEndpoint": {"Port": 10251}}
    assert status["declaredFeatures"] == ["ExtendWebSocketsToKubelet"]


# -- the keeper ------------------------------------------------------------------------------------------------------


class Keeping:
    """A keeper on an API in memory whose facts can be changed."""

    def __init__(self, api: InMemoryApi, now: Callable[[], datetime]) -> None:
        self.api = api
        self.now = now
        self.facts = FACTS
        self.keeper = NodeKeeper(api.cluster, IDENTITY, lambda: self.facts, now=now)

    @property
    def node(self) -> dict[str, Any]:
        return self.api.objects[NODE]

    def condition(self, kind: str) -> dict[str, Any]:
        [found] = [entry for entry in self.node["status"]["conditions"] if entry["type"] == kind]
        assert isinstance(found, dict)
        return found

    async def run_for(self, seconds: float) -> None:
        task = asyncio.create_task(self.keeper.run())
        await asyncio.sleep(seconds + 0.5)
        assert not task.done(), "the keeper must never end by itself"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def keeping(api: InMemoryApi, now: Callable[[], datetime]) -> Keeping:
    return Keeping(api, now)


async def test_a_node_is_made_and_told_ready(api: InMemoryApi, keeping: Keeping) -> None:
    await keeping.keeper.register()
    assert api.writes == [("POST", NODE[:5]), ("PATCH", f"{NODE}/status")]
    assert keeping.condition("Ready")["status"] == "True"
    assert keeping.keeper.uid == keeping.node["metadata"]["uid"]


async def test_a_node_of_an_earlier_run_is_adopted(api: InMemoryApi, keeping: Keeping) -> None:
    api.put(NODE, node_json(uid="uid-n"))
    await keeping.keeper.register()
    assert keeping.keeper.uid == "uid-n"
    assert keeping.node["spec"]["taints"] == [OURS]
    assert keeping.node["metadata"]["labels"]["team"] == "ml"


async def test_a_machine_of_that_name_is_not_taken_over(api: InMemoryApi, keeping: Keeping) -> None:
    api.put(NODE, {"metadata": {"labels": {"kubernetes.io/os": "linux"}}})
    with pytest.raises(NodeTaken, match=r"node salad exists .* --nodename"):
        await keeping.keeper.register()
    assert api.writes == []


async def test_a_machine_that_takes_the_name_of_our_deleted_node_is_not_taken_over(
    api: InMemoryApi, keeping: Keeping
) -> None:
    await keeping.keeper.register()
    api.remove(NODE)
    api.put(NODE, {"metadata": {"labels": {}, "uid": "uid-machine"}})
    api.seen.clear()
    with pytest.raises(NodeTaken):
        await keeping.keeper.check()
    assert api.writes == []


async def test_our_own_node_gets_back_a_label_that_somebody_took(api: InMemoryApi, keeping: Keeping) -> None:
    await keeping.keeper.register()
    api.change(NODE, {"metadata": {"labels": {"type": None}}})
    await keeping.run_for(10)
    assert keeping.node["metadata"]["labels"]["type"] == "virtual-kubelet"


async def test_a_node_made_by_another_at_the_same_moment_is_adopted(api: InMemoryApi, keeping: Keeping) -> None:
    def makes_it(seen: Any) -> None:
        if seen.method == "POST":
            api.put(NODE, node_json(uid="uid-n"))

    api.before = makes_it
    await keeping.keeper.register()
    assert keeping.keeper.uid == "uid-n"


async def test_a_node_that_others_change_meanwhile_is_tried_again(api: InMemoryApi, keeping: Keeping) -> None:
    api.put(NODE, node_json(uid="uid-n"))

    def taints_it(seen: Any) -> None:
        if seen.method == "PATCH":
            api.before = None
            api.change(NODE, {"spec": {"taints": [THEIRS]}})

    api.before = taints_it
    await keeping.keeper.register()
    assert keeping.node["spec"]["taints"] == [THEIRS, OURS]


async def test_a_node_that_is_always_in_conflict_is_given_up_for_now(api: InMemoryApi, keeping: Keeping) -> None:
    api.put(NODE, node_json(uid="uid-n"))
    api.refuse(409, method="PATCH", times=None)
    with pytest.raises(ObjectConflict):
        await keeping.keeper.register()
    assert len(api.seen) <= 10


async def test_a_start_without_an_api_server_fails(api: InMemoryApi, keeping: Keeping) -> None:
    api.refuse(httpx2.ConnectError("refused"))
    with pytest.raises(ClusterUnreachable):
        await keeping.keeper.register()


async def test_a_deleted_node_is_made_again(api: InMemoryApi, keeping: Keeping) -> None:
    await keeping.keeper.register()
    first = keeping.keeper.uid
    api.remove(NODE)
    await keeping.run_for(10)
    assert keeping.condition("Ready")["status"] == "True"
    assert keeping.keeper.uid == keeping.node["metadata"]["uid"] != first


async def test_a_quiet_node_costs_one_read_a_look_and_one_heartbeat_a_minute(
    api: InMemoryApi, keeping: Keeping
) -> None:
    await keeping.keeper.register()
    api.seen.clear()
    await keeping.run_for(10 * HEARTBEAT_EVERY_S)
    assert len([seen for seen in api.seen if not seen.is_write]) == 60
    assert len(api.writes) == 10
    assert keeping.condition("Ready")["lastHeartbeatTime"] == "2026-03-01T12:10:00Z"
    assert keeping.condition("Ready")["lastTransitionTime"] == "2026-03-01T12:00:00Z"


async def test_a_node_marked_unknown_is_told_ready_at_the_next_look(api: InMemoryApi, keeping: Keeping) -> None:
    await keeping.keeper.register()
    api.change(NODE, {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}})
    await keeping.run_for(10)
    assert keeping.condition("Ready")["status"] == "True"
    assert keeping.condition("Ready")["lastTransitionTime"] == "2026-03-01T12:00:10Z"


async def test_new_facts_are_written_at_the_next_look(keeping: Keeping) -> None:
    await keeping.keeper.register()
    keeping.facts = NodeFacts({"pods": "20", "cpu": "160"})
    await keeping.run_for(10)
    assert keeping.node["status"]["capacity"]["pods"] == "20"


async def test_a_resource_that_went_is_taken_off_and_those_of_others_stay(api: InMemoryApi, keeping: Keeping) -> None:
    await keeping.keeper.register()
    api.change(NODE, {"status": {"capacity": {"example.com/dongle": "1"}}})
    keeping.facts = NodeFacts({"pods": "10"})
    await keeping.run_for(10)
    assert keeping.node["status"]["capacity"] == {"pods": "10", "example.com/dongle": "1"}
    assert keeping.node["status"]["allocatable"] == {"pods": "10"}


async def test_what_can_be_given_is_told_apart_from_the_capacity(keeping: Keeping) -> None:
    keeping.facts = NodeFacts({"pods": "10"}, allocatable={"pods": "4"})
    await keeping.keeper.register()
    assert (keeping.node["status"]["capacity"], keeping.node["status"]["allocatable"]) == (
        {"pods": "10"},
        {"pods": "4"},
    )
    keeping.facts = NodeFacts({"pods": "10"}, allocatable={"pods": "5"})
    await keeping.run_for(10)
    assert keeping.node["status"]["allocatable"] == {"pods": "5"}


async def test_a_provider_that_cannot_run_pods_makes_the_node_not_ready_at_the_cost_of_a_quiet_one(
    api: InMemoryApi, keeping: Keeping
) -> None:
    await keeping.keeper.register()
    refused = NodeCondition(type="Ready", status="False", reason="ApiKeyRefused", message="m")
    keeping.facts = NodeFacts({"pods": "10"}, conditions=(refused,))
    await keeping.run_for(10)
    assert (keeping.condition("Ready")["status"], keeping.condition("Ready")["reason"]) == ("False", "ApiKeyRefused")
    api.seen.clear()
    await keeping.run_for(5 * HEARTBEAT_EVERY_S)
    assert len(api.writes) == 5
    keeping.facts = FACTS
    await keeping.run_for(10)
    assert keeping.condition("Ready")["status"] == "True"


async def test_the_providers_memory_is_written_at_most_once_a_minute_and_at_the_end(
    api: InMemoryApi, keeping: Keeping
) -> None:
    def moving() -> NodeFacts:
        return NodeFacts({"pods": "10"}, annotations={"cursor": keeping.now().isoformat()})

    keeping.keeper._facts = moving
    await keeping.keeper.register()
    assert keeping.node["metadata"]["annotations"]["cursor"] == "2026-03-01T12:00:00+00:00"
    api.change(NODE, {"metadata": {"annotations": {"foreign": "stays"}}})
    api.seen.clear()
    await keeping.run_for(10 * MEMORY_EVERY_S)
    assert sum(seen.path == NODE and seen.is_write for seen in api.seen) == 10
    await keeping.keeper.last_words()
    assert keeping.node["metadata"]["annotations"] == {"cursor": "2026-03-01T12:10:00.500000+00:00", "foreign": "stays"}


async def test_last_words_do_not_make_a_node_or_reach_a_successor(api: InMemoryApi, keeping: Keeping) -> None:
    keeping.facts = NodeFacts({"pods": "10"}, annotations={"cursor": "now"})
    await keeping.keeper.last_words()
    assert api.seen == []
    await keeping.keeper.register()
    api.remove(NODE)
    await keeping.keeper.last_words()
    assert NODE not in api.objects
    api.put(NODE, node_json(uid="another"))
    await keeping.keeper.last_words()
    assert "annotations" not in keeping.node["metadata"]


async def test_the_keeper_outlives_an_api_server_that_is_away(api: InMemoryApi, keeping: Keeping) -> None:
    await keeping.keeper.register()
    api.refuse(httpx2.ConnectError("refused"), times=5)
    api.remove(NODE)
    await keeping.run_for(60)
    assert NODE in api.objects


async def test_the_keeper_outlives_facts_that_cannot_be_told(api: InMemoryApi, keeping: Keeping) -> None:
    await keeping.keeper.register()
    facts = keeping.keeper._facts

    def fail() -> NodeFacts:
        raise ArithmeticError("no facts")

    keeping.keeper._facts = fail
    await keeping.run_for(60)
    keeping.keeper._facts = facts
    api.remove(NODE)
    await keeping.run_for(60)
    assert NODE in api.objects
