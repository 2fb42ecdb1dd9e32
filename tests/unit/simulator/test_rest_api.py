"""The REST API in process, on a standing clock; each answer is held against the OpenAPI document."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator

import pytest

from scvk.saladcloud.models.document import document
from scvk.simulator.api.app import all_handlers
from scvk.simulator.api.handlers import GroupHandlers
from scvk.simulator.api.organization_handlers import OrganizationHandlers
from scvk.simulator.cloud.mishaps import NO_MISHAPS
from scvk.simulator.config import Quotas
from tests.unit.simulator.api_client import KEYS, Client, api
from tests.unit.simulator.world import DELETE_S, UNTIL_RUNNING_S, probe, prototype

CREATE = "create_container_group"
GET = "get_container_group"
INSTANCE = "get_container_group_instance"


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with api() as client:
        yield client


class TestGroups:
    async def test_create_get_list_delete(self, client: Client) -> None:
        created = await client.call(CREATE, prototype(display_name="My Web"))
        assert created.status == 201
        assert created.headers["location"].endswith("/projects/default/containers/web")
        assert created.body["current_state"]["status"] == "pending"
        assert (await client.call(GET)).body == created.body
        assert (await client.call("list_container_groups")).body == {"items": [created.body]}
        assert (await client.call("list_container_groups", project_name="other")).body == {"items": []}
        assert (await client.call("delete_container_group")).status == 202
        assert (await client.call(GET)).status == 200
        client.clock.advance(DELETE_S)
        assert (await client.call(GET)).status == 404
        assert (await client.call("list_container_groups")).body == {"items": []}
        refused = await client.call(CREATE, prototype())
        assert (refused.status, refused.body["type"]) == (400, "name_conflict")

    async def test_an_answer_repeats_everything_that_was_asked_for(self, client: Client) -> None:
        values = prototype(
            country_codes=["de", "us"],
            networking={"auth": True, "port": 8080, "protocol": "http"},
            readiness_probe=probe(),
            liveness_probe=probe(period_seconds=7),
            container={
                "image": "nginx",
                "command": ["a", "b"],
                "environment_variables": {"A": "1"},
                "resources": {
                    "cpu": 2,
                    "memory": 2048,
                    "gpu_classes": ["ed563892-aacd-40f5-80b7-90c9be6c759b"],
                    "storage_amount": 2 * 1024**3,
                },
                "priority": "high",
                "registry_authentication": {"basic": {"username": "u", "password": "hidden"}},
            },
        )
        body = (await client.call(CREATE, values)).body
        for name in ("country_codes", "readiness_probe", "liveness_probe", "restart_policy", "replicas"):
            assert body[name] == values[name]
        assert body["container"]["resources"] == values["container"]["resources"]
        assert body["container"]["environment_variables"] == {"A": "1"}
        assert (body["priority"], body["networking"]["port"]) == ("high", 8080)
        assert body["networking"]["dns"].endswith(".salad.cloud")
        assert "hidden" not in json.dumps(body)

    async def test_without_gpu_the_priority_is_the_lowest(self, client: Client) -> None:
        container = {"image": "x", "resources": {"cpu": 1, "memory": 1024}, "priority": "high"}
        assert (await client.call(CREATE, prototype(container=container))).body["priority"] == "batch"

    async def test_patch_answers_the_new_version(self, client: Client) -> None:
        await client.running()
        patched = await client.call("update_container_group", {"container": {"environment_variables": {"B": "2"}}})
        assert (patched.status, patched.body["version"], patched.body["pending_change"]) == (200, 2, True)
        counts = patched.body["current_state"]["instance_status_counts"]
        assert (counts["stopping_count"], counts["allocating_count"]) == (1, 0) or counts["allocating_count"] == 1

    async def test_stop_and_start_are_accepted_as_often_as_asked(self, client: Client) -> None:
        await client.running()
        for operation in ("stop_container_group", "stop_container_group"):
            assert (await client.call(operation)).status == 202
        assert (await client.call(GET)).body["current_state"]["status"] == "stopped"
        for operation in ("start_container_group", "start_container_group"):
            assert (await client.call(operation)).status == 202
        assert (await client.call(GET)).body["current_state"]["status"] == "deploying"

    async def test_a_listing_shows_each_group_as_it_is_at_the_moment(self, client: Client) -> None:
        await client.call(CREATE, prototype())
        for _ in range(int(UNTIL_RUNNING_S) + 2):
            assert (await client.call("list_container_groups")).body["items"] == [(await client.call(GET)).body]
            client.clock.advance(1)
        for change in ({"display_name": "New"}, {"replicas": 3}, {"container": {"image": "nginx"}}):
            await client.call("update_container_group", change)
            assert (await client.call("list_container_groups")).body["items"] == [(await client.call(GET)).body]

    async def test_a_listing_can_be_cut(self) -> None:
        async with api(list_max=2) as client:
            for number in range(3):
                await client.call(CREATE, prototype(f"web-{number}"))
            assert len((await client.call("list_container_groups")).body["items"]) == 2

    async def test_the_quota_is_enforced_and_shown(self) -> None:
        async with api(quotas=Quotas(container_replicas=3)) as client:
            await client.call(CREATE, prototype("first", replicas=2))
            quotas = (await client.call("get_quotas")).body["container_groups_quotas"]
            assert (quotas["container_replicas_quota"], quotas["container_replicas_used"]) == (3, 2)
            refused = await client.call(CREATE, prototype("second", replicas=2))
            assert (refused.status, refused.body["type"]) == (400, "quota_exceeded")


class TestInstances:
    async def test_list_get_and_patch(self, client: Client) -> None:
        instance = await client.running()
        got = await client.call(INSTANCE, container_group_instance_id=instance["id"])
        assert (got.status, got.body) == (202, instance)
        update = "update_container_group_instance"
        for cost, shown in ((7, 7), (None, 0)):
            changed = await client.call(update, {"deletion_cost": cost}, container_group_instance_id=instance["id"])
            assert (changed.status, changed.body["deletion_cost"]) == (200, shown)

    @pytest.mark.parametrize(
        ("action", "event"),
        [
            ("reallocate", "Instance Reallocated by User"),
            ("recreate", "Instance Recreated"),
            ("restart", "Instance Restarted"),
        ],
    )
    async def test_actions_have_an_event_and_a_quota(self, client: Client, action: str, event: str) -> None:
        instance = await client.running()
        operation = f"{action}_container_group_instance"
        answers = [await client.call(operation, container_group_instance_id=instance["id"]) for _ in range(11)]
        assert [answer.status for answer in answers] == [202] * 10 + [429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        logs = (await client.call("get_system_logs")).body["items"]
        assert event in {log["event_name"] for log in logs}
        assert len(logs) <= 50

    async def test_unknown_ones_are_not_found(self, client: Client) -> None:
        await client.running()
        for instance_id in (str(uuid.uuid4()), "no-uuid"):
            assert (await client.call(INSTANCE, container_group_instance_id=instance_id)).status == 404


class TestAccess:
    @pytest.mark.parametrize("key", [None, "", "wrong", "key-of-everythin", "ké"])
    async def test_a_missing_or_wrong_key_is_unauthorized(self, client: Client, key: str | None) -> None:
        headers = {} if key is None else {b"Salad-Api-Key": key.encode()}
        for path in ("/quotas", "/projects/default/containers"):
            response = await client.http.get("/api/public/organizations/acme-corp" + path, headers=headers)
            assert (response.status_code, response.json()["type"]) == (401, "unauthorized")

    async def test_an_organization_beyond_the_key_is_as_forbidden_as_an_unknown_one(self, client: Client) -> None:
        one = KEYS[1].key
        assert (await client.call("get_quotas", key=one, organization_name="second-corp")).status == 200
        beyond = await client.call("get_quotas", key=one)
        unknown = await client.call("get_quotas", key=one, organization_name="nowhere")
        assert beyond.status == unknown.status == 403
        assert beyond.body == unknown.body

    async def test_an_unknown_project_is_not_found(self, client: Client) -> None:
        assert (await client.call("list_container_groups", project_name="nowhere")).status == 404
        assert (await client.call(CREATE, prototype(), project_name="nowhere")).status == 404

    async def test_groups_belong_to_one_organization_and_one_project(self, client: Client) -> None:
        await client.call(CREATE, prototype())
        assert (await client.call(GET, organization_name="second-corp")).status == 404
        assert (await client.call(GET, project_name="other")).status == 404
        assert (await client.call(CREATE, prototype(), project_name="other")).status == 201

    async def test_241_requests_in_a_minute_are_one_too_many_for_a_key(self, client: Client) -> None:
        statuses = [(await client.call("get_quotas")).status for _ in range(241)]
        assert statuses == [200] * 240 + [429]
        refused = await client.call("get_quotas")
        assert (refused.body["status"], 1 <= int(refused.headers["retry-after"]) <= 60) == (429, True)
        assert (await client.call("get_quotas", key=KEYS[1].key, organization_name="second-corp")).status == 200


async def test_gpu_classes_and_availability(client: Client) -> None:
    classes = (await client.call("list_gpu_classes")).body["items"]
    body = {"gpu_classes": [classes[0]["id"], classes[1]["id"]]}
    gpus = (await client.call("get_gpu_availability", body)).body
    assert gpus["available_gpu_high"] >= gpus["available_gpu_batch"] > 0
    assert (await client.call("get_cpu_availability", {})).body["available_cpu_batch"] > 0


@pytest.mark.parametrize(
    "beyond", [{"cpu": 17}, {"memory": 61_441}, {"storage_amount": 250 * 1024**3 + 1}], ids=lambda beyond: str(*beyond)
)
async def test_no_machine_is_there_for_what_fits_on_none(client: Client, beyond: dict[str, int]) -> None:
    within = {name: number - 1 for name, number in beyond.items()}
    gpu = {"gpu_classes": [(await client.call("list_gpu_classes")).body["items"][0]["id"]]}
    assert (await client.call("get_gpu_availability", {**gpu, **within})).body["available_gpu_high"] > 0
    assert (await client.call("get_gpu_availability", {**gpu, **beyond})).body["available_gpu_high"] == 0
    assert (await client.call("get_cpu_availability", within)).body["available_cpu_batch"] > 0
    assert (await client.call("get_cpu_availability", beyond)).body["available_cpu_batch"] == 0


async def test_every_operation_on_groups_is_simulated(client: Client) -> None:
    concerned = {
        operation.id
        for operation in document().operations.values()
        if not any(word in operation.path for word in ("queues", "inference", "webhook"))
    }
    groups, logs = GroupHandlers(client.simulator.config, lambda: 0.0), OrganizationHandlers(client.clock, NO_MISHAPS)
    assert concerned == set(all_handlers(groups, logs))
