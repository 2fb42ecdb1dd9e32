"""Requests that are refused: whatever a client sends, it gets a problem that says what is wrong."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from scvk.simulator.api.bodies import LARGEST_BODY
from tests.unit.simulator.api_client import KEYS, Client, api
from tests.unit.simulator.world import probe, prototype

CREATE = "create_container_group"


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with api() as client:
        yield client


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
