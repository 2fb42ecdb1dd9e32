"""A client of the application in process, which holds every answer against the OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from scvk.saladcloud.models.document import Operation, document
from scvk.simulator.clock import ManualClock
from scvk.simulator.config import ApiKey, SimulatorConfig
from scvk.simulator.runtime.virtual import VirtualRuntime
from scvk.simulator.service import Simulator
from tests.unit.simulator.world import DURATIONS, UNTIL_RUNNING_S, prototype

KEYS = (ApiKey("key-of-everything"), ApiKey("key-of-one", ("second-corp",)))


@dataclass
class Answer:
    status: int
    body: Any
    headers: httpx2.Headers


class Client:
    """Calls operations by their ids; path parameters have the usual defaults."""

    def __init__(self, http: httpx2.AsyncClient, simulator: Simulator, clock: ManualClock) -> None:
        self.http = http
        self.simulator = simulator
        self.clock = clock

    async def call(self, operation_id: str, body: Any = None, *, key: str | None = KEYS[0].key, **path: str) -> Answer:
        operation = document().operation(operation_id)
        names = {"organization_name": "acme-corp", "project_name": "default", "container_group_name": "web", **path}
        headers = {} if key is None else {"Salad-Api-Key": key}
        content: bytes | None = None
        if body is not None:
            content = json.dumps(body).encode()
            headers["Content-Type"] = operation.request.media_type if operation.request else "application/json"
        url = "/api/public" + operation.path.format(**names)
        response = await self.http.request(operation.method, url, content=content, headers=headers)
        return checked(operation, response)

    async def running(self, **changes: Any) -> dict[str, Any]:
        """Create a group, wait until it runs, and return its only instance."""
        assert (await self.call("create_container_group", prototype(**changes))).status == 201
        self.clock.advance(UNTIL_RUNNING_S)
        (instance,) = (await self.call("list_container_group_instances")).body["instances"]
        assert instance["state"] == "running"
        return dict(instance)

    async def control(self, method: str, path: str, body: Any = None) -> Answer:
        response = await self.http.request(method, "/_simulator" + path, json=body)
        return Answer(response.status_code, response.json() if response.content else None, response.headers)


def checked(operation: Operation, response: httpx2.Response) -> Answer:
    """The answer, after comparing status, media type and body with the document."""
    assert response.status_code < 500, response.text
    body = response.json() if response.content else None
    described = operation.responses.get(str(response.status_code), operation.responses["default"])
    if described is not None:
        assert response.headers["content-type"] == described.media_type
    assert operation.response_violations(response.status_code, body) == []
    return Answer(response.status_code, body, response.headers)


@asynccontextmanager
async def api(**config: Any) -> AsyncIterator[Client]:
    clock = ManualClock()
    settings = SimulatorConfig(
        **{
            "api_keys": KEYS,
            "organizations": ("acme-corp", "second-corp"),
            "projects": ("default", "other"),
            "durations": DURATIONS,
            "seed": 1,
            **config,
        }
    )
    simulator = Simulator(settings, clock=clock, runtime=VirtualRuntime(clock))
    transport = httpx2.ASGITransport(simulator.app)
    async with simulator, httpx2.AsyncClient(transport=transport, base_url="http://simulator") as http:
        yield Client(http, simulator, clock)
