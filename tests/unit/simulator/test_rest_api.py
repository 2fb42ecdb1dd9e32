"""The REST API in process, on a standing clock; each answer is held against the OpenAPI document."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from typing import Any

import pytest

from scvk.saladcloud.models.document import document
from scvk.simulator.api.app import all_handlers
from scvk.simulator.api.bodies import LARGEST_BODY
from scvk.simulator.api.handlers import GroupHandlers
from scvk.simulator.api.organization_handlers import OrganizationHandlers
from scvk.simulator.cloud.mishaps import NO_MISHAPS
from scvk.simulator.config import Quotas
from scvk.simulator.logs.entries import format_time
from tests.unit.simulator.api_client import KEYS, Client, api
from tests.unit.simulator.world import DELETE_S, PULL_S, UNTIL_RUNNING_S, probe, prototype

CREATE = "create_container_group"
GET = "get_container_group"
INSTANCE = "get_container_group_instance"


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with api() as client:
        yield client


async def running(client: Client, **changes: Any) -> dict[str, Any]:
    """Create a group, wait until it runs, and return its only instance."""
    assert (await client.call(CREATE, prototype(**changes))).status == 201
    client.clock.advance(UNTIL_RUNNING_S)
    (instance,) = (await client.call("list_container_group_instances")).body["instances"]
    assert instance["state"] == "running"
    return dict(instance)


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
        await running(client)
        patched = await client.call("update_container_group", {"container": {"environment_variables": {"B": "2"}}})
        assert (patched.status, patched.body["version"], patched.body["pending_change"]) == (200, 2, True)
        counts = patched.body["current_state"]["instance_status_counts"]
        assert (counts["stopping_count"], counts["allocating_count"]) == (1, 0) or counts["allocating_count"] == 1

    async def test_stop_and_start_are_accepted_as_often_as_asked(self, client: Client) -> None:
        await running(client)
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
        instance = await running(client)
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
        instance = await running(client)
        operation = f"{action}_container_group_instance"
        answers = [await client.call(operation, container_group_instance_id=instance["id"]) for _ in range(11)]
        assert [answer.status for answer in answers] == [202] * 10 + [429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        logs = (await client.call("get_system_logs")).body["items"]
        assert event in {log["event_name"] for log in logs}
        assert len(logs) <= 50

    async def test_unknown_ones_are_not_found(self, client: Client) -> None:
        await running(client)
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


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"name": "Not Valid"}, "name"),
            ({"replicas": 501}, "replicas"),
            ({"restart_policy": "sometimes"}, "restart_policy"),
            ({"container": {"image": "x"}}, "container.resources"),
            ({"container": {"image": "x", "resources": {"cpu": 0, "memory": 1024}}}, "container.resources.cpu"),
            (
                {
                    "container": {
                        "image": "x",
                        "resources": {"cpu": 1, "memory": 1024},
                        "environment_variables": {"A": ""},
                    }
                },
                "container.environment_variables.A",
            ),
            ({"readiness_probe": {"tcp": {"port": 1}}}, "readiness_probe.period_seconds"),
            ({"readiness_probe": {**probe(), "exec": {"command": ["x"]}}}, "readiness_probe"),
            ({"liveness_probe": {key: value for key, value in probe().items() if key != "tcp"}}, "liveness_probe"),
            (
                {
                    "container": {
                        "image": "x",
                        "resources": {"cpu": 1, "memory": 1024, "gpu_classes": [str(uuid.UUID(int=5))]},
                    }
                },
                "container.resources.gpu_classes[0]",
            ),
        ],
    )
    async def test_a_refusal_names_the_field(self, client: Client, changes: dict[str, Any], field: str) -> None:
        refused = await client.call(CREATE, prototype(**changes))
        assert refused.status == 400
        assert field in refused.body["errors"]
        assert field in refused.body["detail"]

    async def test_unknown_fields_are_tolerated_and_have_no_effect(self, client: Client) -> None:
        created = await client.call(CREATE, prototype(from_the_future={"a": 1}, version=7, readiness_probe=probe(x=1)))
        assert (created.status, created.body["version"]) == (201, 1)
        assert "x" not in created.body["readiness_probe"]
        patched = await client.call("update_container_group", {"restart_policy": 5, "name": "other"})
        assert (patched.status, patched.body["restart_policy"], patched.body["name"]) == (200, "always", "web")

    @pytest.mark.parametrize(
        ("content", "media_type", "status"),
        [
            pytest.param(b"{", "application/json", 400, id="no JSON"),
            pytest.param(b"", "application/json", 400, id="empty"),
            pytest.param(b"\xff\xfe", "application/json", 400, id="no UTF-8"),
            pytest.param(b"[" * 100_000, "application/json", 400, id="deep"),
            pytest.param(b'{"name": NaN}', "application/json", 400, id="NaN"),
            pytest.param(b'{"name": "\\ud800"}', "application/json", 400, id="half a character"),
            pytest.param(b'{"replicas": 1' + b"0" * 5000 + b"}", "application/json", 400, id="huge number"),
            pytest.param(b"null", "application/json", 400, id="null"),
            pytest.param(b"[]", "application/json", 400, id="array"),
            pytest.param(b"a=b", "application/x-www-form-urlencoded", 415, id="form"),
            pytest.param(b"<a/>", "text/xml", 415, id="XML"),
            pytest.param(b" " * (LARGEST_BODY + 1), "application/json", 413, id="too large"),
        ],
    )
    async def test_any_body_gets_a_problem(self, client: Client, content: bytes, media_type: str, status: int) -> None:
        for path in ("/projects/default/containers", "/log-entries"):
            response = await client.http.post(
                "/api/public/organizations/acme-corp" + path,
                content=content,
                headers={"Salad-Api-Key": KEYS[0].key, "Content-Type": media_type},
            )
            assert response.status_code == status
            assert response.json()["status"] == status

    async def test_a_whole_number_is_a_whole_number_however_it_is_written(self, client: Client) -> None:
        create = (
            json.dumps(prototype()).replace('"cpu": 1', '"cpu": 1.0').replace('"memory": 1024', '"memory": 1.024e3')
        )
        url = "/api/public/organizations/acme-corp/projects/default/containers"
        headers = {"Salad-Api-Key": KEYS[0].key, "Content-Type": "application/json"}
        created = await client.http.post(url, content=create, headers=headers)
        assert created.status_code == 201
        assert '"cpu":1,"memory":1024}' in created.text

    @pytest.mark.parametrize("number", [-2e211, 2.0**63, 1.5], ids=str)
    async def test_no_number_beyond_its_range_passes_as_a_fraction(self, client: Client, number: float) -> None:
        refused = await client.call("get_cpu_availability", {"storage_amount": number})
        assert (refused.status, list(refused.body["errors"])) == (400, ["storage_amount"])

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/", 404),
            ("GET", "/api/public/organizations/acme-corp/nothing", 404),
            ("GET", "/api/public/organizations/acme-corp/projects/default/queues", 404),
            ("PUT", "/api/public/organizations/acme-corp/quotas", 405),
            ("DELETE", "/api/public/organizations/acme-corp/projects/default/containers", 405),
            ("GET", "/api/public/organizations/acme-corp/projects/default/containers/%00%ff", 404),
            ("GET", "/api/public/organizations/acme-corp/projects/default/containers/" + "x" * 3000, 404),
            ("GET", "/_simulator/nothing", 404),
        ],
    )
    async def test_unknown_places_get_a_problem(self, client: Client, method: str, path: str, status: int) -> None:
        response = await client.http.request(method, path, headers={"Salad-Api-Key": KEYS[0].key})
        assert (response.status_code, response.json()["status"]) == (status, status)


class TestLogEntries:
    async def query(self, client: Client, query: str = "", **changes: Any) -> Any:
        client.clock.advance(1)
        now = client.clock.now()
        body = {
            "query": query,
            "start_time": format_time(now - timedelta(hours=1)),
            "end_time": format_time(now),
            **changes,
        }
        return await client.call("query_log_entries", body)

    async def test_events_of_a_group_in_order(self, client: Client) -> None:
        await running(client)
        query = 'resource.type = "instance_controller" and resource.labels.container_group_name = "web"'
        found = (await self.query(client, query, sort_order="asc")).body
        assert [item["text_log"] for item in found["items"]] == [
            "Instance Allocated",
            "Instance Downloading",
            "Instance Creating",
            "Instance Starting",
            "Instance Running",
        ]
        assert set(found["items"][0]["resource"]["labels"]) == {
            "project_name",
            "container_group_name",
            "container_group_version",
            "instance_id",
            "machine_id",
        }
        newest_first = (await self.query(client, query)).body["items"]
        assert newest_first == list(reversed(found["items"]))

    async def test_paging_by_time_reaches_every_entry_once(self, client: Client) -> None:
        await running(client)
        seen: list[str] = []
        start = format_time(client.clock.now() - timedelta(hours=1))
        while True:
            page = (await self.query(client, sort_order="asc", page_size=2, start_time=start)).body
            fresh = [item for item in page["items"] if item["time"] not in seen]
            if not fresh:
                break
            seen += [item["time"] for item in fresh]
            start = page["page_max_time"]
        assert len(seen) == len(set(seen)) == 6

    async def test_only_the_own_organization(self, client: Client) -> None:
        await running(client)
        body = {
            "query": "",
            "start_time": "2000-01-01T00:00:00Z",
            "end_time": format_time(client.clock.now()),
        }
        answer = await client.call("query_log_entries", body, organization_name="second-corp")
        assert answer.body["items"] == []

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"end_time": "2999-01-01T00:00:00Z"}, "end_time"),
            ({"end_time": "2000-01-01T00:00:00Z"}, "start_time"),
            ({"start_time": "yesterday"}, "start_time"),
            ({"start_time": "0001-01-01T00:00:00+14:00"}, "start_time"),
            ({"query": "severity ="}, "query"),
            ({"query": "x" * 20_001}, "query"),
            ({"page_size": 101}, "page_size"),
            ({"sort_order": "up"}, "sort_order"),
        ],
    )
    async def test_refusals(self, client: Client, changes: dict[str, Any], field: str) -> None:
        answer = await self.query(client, **changes)
        assert answer.status == 400
        assert field in answer.body["errors"]

    async def test_others_are_served_while_a_query_looks_through_many_entries(self, client: Client) -> None:
        store = client.simulator.platform.organizations["acme-corp"].projects["default"].logs
        for number in range(2000):
            store.write_output({}, f"line {number}")
        done: list[str] = []

        async def note(name: str, answer: Awaitable[Any]) -> None:
            assert (await answer).status == 200
            done.append(name)

        async with asyncio.TaskGroup() as group:
            group.create_task(note("query", self.query(client, 'text_log contains "line 19"', page_size=1)))
            group.create_task(note("other", client.call("get_quotas")))
        assert done == ["other", "query"]

    async def test_a_bad_query_is_told_where(self, client: Client) -> None:
        assert "position 10" in (await self.query(client, "severity =")).body["detail"]


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


class TestControl:
    async def test_requests_are_logged_without_secrets(self, client: Client) -> None:
        await client.call(CREATE, prototype())
        await client.call("get_quotas", key="wrong")
        items = (await client.control("GET", "/requests")).body["items"]
        assert [(i["operation"], i["method"], i["status"], i["api_key"]) for i in items] == [
            (CREATE, "POST", 201, 0),
            ("get_quotas", "GET", 401, None),
        ]
        assert items[1]["path"] == "/api/public/organizations/{organization_name}/quotas"
        assert KEYS[0].key not in json.dumps(items)
        later = (await client.control("GET", f"/requests?since={items[0]['number']}")).body["items"]
        assert [item["number"] for item in later] == [items[1]["number"]]
        await client.control("DELETE", "/requests")
        assert (await client.control("GET", "/requests")).body["items"] == []

    async def test_control_requests_are_neither_logged_nor_counted(self) -> None:
        async with api(requests_per_minute=1) as client:
            for _ in range(5):
                assert (await client.control("GET", "/state")).status == 200
            assert (await client.call("get_quotas")).status == 200

    async def test_a_fault_before_and_after_the_effect(self, client: Client) -> None:
        fault = {"kind": "html", "status": 502, "operations": [CREATE], "count": 1}
        for when, exists in (("before", 404), ("after", 200)):
            await client.control("POST", "/faults", {**fault, "when": when})
            response = await client.http.post(
                "/api/public/organizations/acme-corp/projects/default/containers",
                json=prototype(),
                headers={"Salad-Api-Key": KEYS[0].key},
            )
            assert (response.status_code, response.headers["content-type"][:9]) == (502, "text/html")
            assert (await client.call(GET)).status == exists

    async def test_status_and_garbage(self, client: Client) -> None:
        url = "/api/public/organizations/acme-corp/quotas"
        headers = {"Salad-Api-Key": KEYS[0].key}
        await client.control("POST", "/faults", {"kind": "status", "status": 429, "retry_after": 7, "count": 1})
        limited = await client.http.get(url, headers=headers)
        assert (limited.status_code, limited.headers["retry-after"]) == (429, "7")
        await client.control("POST", "/faults", {"kind": "garbage"})
        garbage = await client.http.get(url, headers=headers)
        assert garbage.status_code == 200
        with pytest.raises(ValueError, match="Expecting"):
            garbage.json()
        assert (await client.control("DELETE", "/faults")).status == 204
        assert (await client.call("get_quotas")).status == 200

    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "unheard"},
            {"kind": "status", "status": 200},
            {"kind": "drop", "probability": 2},
            {"kind": "drop", "count": 0},
            {"kind": "drop", "operations": ["nothing"]},
            {"kind": "drop", "surprise": 1},
            [],
        ],
    )
    async def test_a_fault_that_makes_no_sense_is_refused(self, client: Client, fault: Any) -> None:
        assert (await client.control("POST", "/faults", fault)).status == 400
        assert (await client.control("GET", "/faults")).body["items"] == []

    async def test_an_instance_can_be_interrupted(self, client: Client) -> None:
        instance = await running(client)
        path = f"/instances/{instance['id']}/interrupt"
        assert (await client.control("POST", path, {"reason": "bad mood"})).status == 400
        assert (await client.control("POST", path, {"reason": "priority"})).body == {
            "event": "Instance Interrupted (Priority)"
        }
        assert (await client.control("POST", f"/instances/{uuid.uuid4()}/interrupt", {})).status == 404
        state = (await client.control("GET", "/state")).body
        (group,) = state["organizations"]["acme-corp"]["default"]["groups"]
        assert group["instances"] == {instance["id"]: "allocating"}


async def test_a_pending_group_has_no_instances(client: Client) -> None:
    await client.call(CREATE, prototype())
    client.clock.advance(PULL_S / 2)
    assert (await client.call("list_container_group_instances")).body == {"instances": []}
