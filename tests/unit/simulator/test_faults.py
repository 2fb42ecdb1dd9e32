"""Faults on demand: answers that are spoilt, and a platform on a bad day."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from scvk.simulator.api.distortion import UNKNOWN_FIELD, UNKNOWN_MEMBER
from scvk.simulator.logs.entries import format_time
from tests.unit.simulator.api_client import KEYS, Client, api
from tests.unit.simulator.world import ALLOCATE_S, PULL_S, UNTIL_RUNNING_S, prototype

RTX_4090 = "ed563892-aacd-40f5-80b7-90c9be6c759b"


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with api() as client:
        yield client


async def fault(client: Client, **members: Any) -> None:
    answer = await client.control("POST", "/faults", members)
    assert answer.status == 201, answer.body


async def raw(client: Client, path: str = "/projects/default/containers") -> Any:
    """The answer's body, whether or not it is as the document says."""
    url = "/api/public/organizations/acme-corp" + path
    response = await client.http.get(url, headers={"Salad-Api-Key": KEYS[0].key})
    assert response.status_code == 200
    return response.json()


async def events(client: Client, name: str = "web") -> list[str]:
    logs = (await client.call("get_system_logs", container_group_name=name)).body["items"]
    return [log["event_name"] for log in reversed(logs)]


class TestAnswers:
    async def test_unknown_fields_at_every_depth_but_not_among_the_users_own_names(self, client: Client) -> None:
        container = {**prototype()["container"], "environment_variables": {"A": "1"}}
        await client.call("create_container_group", prototype(container=container))
        await fault(client, kind="unknown-fields")
        listing = await raw(client)
        (group,) = listing["items"]
        for place in (listing, group, group["current_state"], group["container"]["resources"]):
            assert UNKNOWN_FIELD in place
        assert group["container"]["environment_variables"] == {"A": "1"}

    async def test_unknown_enum_members(self, client: Client) -> None:
        await client.call("create_container_group", prototype())
        await fault(client, kind="unknown-enums", count=1)
        assert (await raw(client))["items"][0]["current_state"]["status"] == UNKNOWN_MEMBER
        assert (await raw(client))["items"][0]["current_state"]["status"] == "pending"

    async def test_without_environment_variables(self, client: Client) -> None:
        container = {**prototype()["container"], "environment_variables": {"A": "1"}}
        await client.call("create_container_group", prototype(container=container))
        await fault(client, kind="no-environment", operations=["list_container_groups"])
        assert "environment_variables" not in (await raw(client))["items"][0]["container"]
        alone = await raw(client, "/projects/default/containers/web")
        assert alone["container"]["environment_variables"] == {"A": "1"}

    async def test_a_listing_that_ends_early(self, client: Client) -> None:
        for number in range(3):
            await client.call("create_container_group", prototype(f"web-{number}"))
        await fault(client, kind="cut", limit=2)
        assert [group["name"] for group in (await raw(client))["items"]] == ["web-0", "web-1"]

    async def test_a_stale_listing_shows_what_was(self, client: Client) -> None:
        assert (await raw(client))["items"] == []
        await fault(client, kind="stale")
        await client.call("create_container_group", prototype())
        assert (await raw(client))["items"] == []
        await client.control("DELETE", "/faults")
        assert len((await raw(client))["items"]) == 1

    async def test_a_stale_answer_is_no_older_than_asked_for(self, client: Client) -> None:
        assert (await raw(client))["items"] == []
        await fault(client, kind="stale", seconds=0)
        await client.call("create_container_group", prototype())
        assert len((await raw(client))["items"]) == 1

    @pytest.mark.parametrize("when", ["before", "after"])
    async def test_latency_gives_the_right_answer(self, client: Client, when: str) -> None:
        await fault(client, kind="latency", seconds=0.01, when=when)
        assert (await raw(client))["items"] == []

    async def test_kinds_that_concern_groups_leave_other_requests_alone(self, client: Client) -> None:
        for kind in ("cut", "stale", "no-environment"):
            await fault(client, kind=kind)
        assert len((await raw(client, "/gpu-classes"))["items"]) > 20


class TestLostAnswers:
    @pytest.mark.parametrize("kind", ["status", "html", "garbage"])
    async def test_a_refusal_is_lost_as_any_answer_is(self, client: Client, kind: str) -> None:
        await client.call("create_container_group", prototype())
        await fault(client, kind=kind, when="after", count=1, operations=["create_container_group"])
        url = "/api/public/organizations/acme-corp/projects/default/containers"
        headers = {"Salad-Api-Key": KEYS[0].key}
        lost = await client.http.post(url, json=prototype(), headers=headers)
        assert "name_conflict" not in lost.text
        told = await client.http.post(url, json=prototype(), headers=headers)
        assert (told.status_code, told.json()["type"]) == (400, "name_conflict")


class TestEvents:
    async def test_late_ones_keep_their_time_and_tell_when_they_came(self, client: Client) -> None:
        await fault(client, kind="events-late", seconds=100, event="Container Group Started")
        await client.call("create_container_group", prototype())
        client.clock.advance(UNTIL_RUNNING_S)
        assert "Container Group Started" not in await events(client)
        client.clock.advance(100)
        assert (await events(client))[0] == "Container Group Started"
        now = client.clock.now()
        query = {
            "query": 'resource.type = "deployment_controller"',
            "start_time": format_time(now - timedelta(hours=1)),
            "end_time": format_time(now),
        }
        (entry,) = (await client.call("query_log_entries", query)).body["items"]
        assert entry["time"] < entry["receive_time"]

    async def test_disordered_ones_precede_their_causes(self, client: Client) -> None:
        await fault(client, kind="events-disordered", seconds=1000, event="Instance Running")
        await client.call("create_container_group", prototype())
        client.clock.advance(UNTIL_RUNNING_S)
        seen = await events(client)
        assert seen.index("Instance Running") < seen.index("Instance Starting")

    async def test_lost_ones_never_come(self, client: Client) -> None:
        await fault(client, kind="events-lost", group="we*", event="Instance *")
        await client.call("create_container_group", prototype())
        client.clock.advance(UNTIL_RUNNING_S)
        assert await events(client) == ["Container Group Started"]


class TestPlatform:
    async def test_a_pull_failure_fails_the_group_with_its_reason(self, client: Client) -> None:
        await fault(client, kind="pull-failure", image="busy*", message="manifest unknown", count=1)
        await client.call("create_container_group", prototype())
        client.clock.advance(PULL_S)
        state = (await client.call("get_container_group")).body["current_state"]
        assert (state["status"], state["description"]) == ("failed", "manifest unknown")
        await client.call("start_container_group")
        client.clock.advance(UNTIL_RUNNING_S)
        assert (await client.call("get_container_group")).body["current_state"]["status"] == "running"

    async def test_without_capacity_an_instance_goes_on_being_allocated(self, client: Client) -> None:
        await fault(client, kind="no-capacity")
        await client.call("create_container_group", prototype())
        client.clock.advance(PULL_S + ALLOCATE_S + 1000)
        (instance,) = (await client.call("list_container_group_instances")).body["instances"]
        assert instance["state"] == "allocating"
        assert (await client.call("get_cpu_availability", {"cpu": 1})).body["available_cpu_batch"] == 0
        await client.control("DELETE", "/faults")
        client.clock.advance(UNTIL_RUNNING_S)
        (instance,) = (await client.call("list_container_group_instances")).body["instances"]
        assert instance["state"] == "running"

    async def test_capacity_can_run_out_for_one_gpu_class(self, client: Client) -> None:
        await fault(client, kind="no-capacity", gpu_class="RTX 4090 (24 GB)")
        body = {"gpu_classes": [RTX_4090], "memory": 1024, "cpu": 1}
        assert (await client.call("get_gpu_availability", body)).body["available_gpu_high"] == 0
        resources = {"cpu": 1, "memory": 1024, "gpu_classes": [RTX_4090]}
        container = {"image": "busybox", "command": ["sleep"], "resources": resources}
        await client.call("create_container_group", prototype("scarce", container=container))
        await client.call("create_container_group", prototype("plenty"))
        client.clock.advance(UNTIL_RUNNING_S)
        for name, status in (("scarce", "deploying"), ("plenty", "running")):
            group = (await client.call("get_container_group", container_group_name=name)).body
            assert group["current_state"]["status"] == status

    @pytest.mark.parametrize(
        ("reason", "event"),
        [
            ("node-offline", "Instance Interrupted (Node Offline)"),
            ("priority", "Instance Interrupted (Priority)"),
            ("disk", "Instance Interrupted (Requested Disk Space Exceeded)"),
            ("liveness", "Instance Interrupted (Liveness Probe Failure)"),
            ("startup", "Instance Interrupted (Startup Probe Failure)"),
            ("reallocated", "Instance Reallocated by Platform"),
        ],
    )
    async def test_interruptions_of_each_kind(self, client: Client, reason: str, event: str) -> None:
        for name in ("web", "other"):
            await client.call("create_container_group", prototype(name))
        client.clock.advance(UNTIL_RUNNING_S)
        answer = await client.control("POST", "/interrupt", {"reason": reason, "group": "w*"})
        assert (answer.status, len(answer.body["instances"])) == (202, 1)
        assert event in await events(client)
        assert event not in await events(client, "other")

    async def test_a_share_of_all_nodes_goes_offline(self, client: Client) -> None:
        await client.call("create_container_group", prototype(replicas=100))
        client.clock.advance(UNTIL_RUNNING_S)
        hit = (await client.control("POST", "/interrupt", {"share": 0.3})).body["instances"]
        assert 15 <= len(hit) <= 45


@pytest.mark.parametrize(
    "members",
    [
        {"kind": "latency"},
        {"kind": "latency", "seconds": -1},
        {"kind": "events-late"},
        {"kind": "cut", "limit": -1},
        {"kind": "no-such-kind"},
        {"kind": "pull-failure", "message": ""},
        {"kind": "pull-failure", "message": "two\nlines"},
        {"kind": "status", "retry_after": -1},
        {"kind": "status", "when": "sometimes"},
        {"kind": "status", "status": 200},
        {"kind": "drop", "count": 0},
        {"kind": "drop", "probability": 1.5},
        {"kind": "drop", "operations": ["no_such_operation"]},
        {"kind": "drop", "unknown": 1},
    ],
    ids=str,
)
async def test_a_fault_that_makes_no_sense_is_refused(client: Client, members: dict[str, Any]) -> None:
    assert (await client.control("POST", "/faults", members)).status == 400


@pytest.mark.parametrize("members", [{"reason": "boredom"}, {"share": 2}, {"group": 5}, []], ids=str)
async def test_an_interruption_that_makes_no_sense_is_refused(client: Client, members: Any) -> None:
    assert (await client.control("POST", "/interrupt", members)).status == 400
