"""The control API of the simulator, in process."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.unit.simulator.api_client import KEYS, Client, api
from tests.unit.simulator.world import PULL_S, prototype

CREATE = "create_container_group"
GET = "get_container_group"


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with api() as client:
        yield client


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
        instance = await client.running()
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
