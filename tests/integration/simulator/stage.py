"""A simulator with real processes, served on a free port, and a client that holds answers against the document."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from scvk.saladcloud.models.document import document
from scvk.simulator.config import ApiKey, Durations, SimulatorConfig
from scvk.simulator.logs.entries import format_time
from scvk.simulator.service import Served, Simulator, serve

T = TypeVar("T")
KEY = "integration-key"
DEADLINE_S = 20.0
# Each step 50 ms at this speed; the grace time is 1 s, because programs are not faster than they are.
SPEED = 20.0
DURATIONS = Durations(
    image_pull_s=1, allocate_s=1, download_s=1, create_s=1, stop_grace_s=20, delete_s=2, first_backoff_s=2, jitter=0
)


class Stage:
    """What a test does with a served simulator."""

    def __init__(self, simulator: Simulator, served: Served, http: httpx2.AsyncClient) -> None:
        self.simulator = simulator
        self.served = served
        self.http = http

    async def call(self, operation_id: str, body: Any = None, **path: str) -> Any:
        """The answer's body; fails on an answer that the document does not describe and on anything but success."""
        operation = document().operation(operation_id)
        names = {"organization_name": "acme-corp", "project_name": "default", **path}
        headers = {"Salad-Api-Key": KEY}
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers["Content-Type"] = operation.request.media_type if operation.request else "application/json"
        url = self.served.base_url + operation.path.format(**names)
        response = await self.http.request(operation.method, url, content=content, headers=headers)
        answer = response.json() if response.content else None
        assert operation.response_violations(response.status_code, answer) == []
        assert response.is_success, response.text
        return answer

    async def create(self, name: str, command: list[str] | None, image: str = "busybox", **changes: Any) -> None:
        container: dict[str, Any] = {"image": image, "resources": {"cpu": 1, "memory": 1024}}
        if command is not None:
            container["command"] = command
        environment = changes.pop("environment", None)
        if environment:
            container["environment_variables"] = environment
        values = {
            "name": name,
            "autostart_policy": True,
            "replicas": 1,
            "restart_policy": "always",
            "container": container,
            **changes,
        }
        await self.call("create_container_group", values)

    async def status(self, name: str) -> str:
        group = await self.call("get_container_group", container_group_name=name)
        return str(group["current_state"]["status"])

    async def instances(self, name: str) -> list[dict[str, Any]]:
        answer = await self.call("list_container_group_instances", container_group_name=name)
        return list(answer["instances"])

    async def events(self, name: str) -> list[str]:
        answer = await self.call("get_system_logs", container_group_name=name)
        return [log["event_name"] for log in reversed(answer["items"])]

    async def output(self, name: str) -> list[Any]:
        """Lines of the group's programs, oldest first, as text or decoded JSON."""
        now = self.simulator.clock.now()
        query = {
            "query": f'resource.type = "container" and resource.labels.container_group_name = "{name}"',
            "start_time": format_time(now - timedelta(hours=1)),
            "end_time": format_time(now),
            "sort_order": "asc",
        }
        answer = await self.call("query_log_entries", query)
        return [item.get("json_log", item.get("text_log")) for item in answer["items"]]

    async def until_status(self, name: str, status: str) -> None:
        await until(lambda: self._has_status(name, status), f"{name} is {status}")

    async def until_running(self, name: str) -> dict[str, Any]:
        """Its only instance, once it runs."""

        async def running() -> dict[str, Any] | None:
            found = await self.instances(name)
            return found[0] if len(found) == 1 and found[0]["state"] == "running" else None

        return await until(running, f"{name} runs")

    async def until_said(self, name: str, line: str) -> None:
        await until(lambda: self._has_said(name, line), f"{name} says {line!r}")

    async def until_event(self, name: str, event: str) -> None:
        await until(lambda: self._has_event(name, event), f"{name} has the event {event!r}")

    async def _has_status(self, name: str, status: str) -> bool:
        return await self.status(name) == status

    async def _has_said(self, name: str, line: str) -> bool:
        return line in await self.output(name)

    async def _has_event(self, name: str, event: str) -> bool:
        return event in await self.events(name)


async def until(ask: Callable[[], Awaitable[T | None]], what: str, deadline_s: float = DEADLINE_S) -> T:
    """Ask until the answer is true; fails after the deadline."""
    try:
        async with asyncio.timeout(deadline_s):
            while True:
                answer = await ask()
                if answer:
                    return answer
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {deadline_s} s: {what}") from None


@asynccontextmanager
async def stage(**config: Any) -> AsyncIterator[Stage]:
    settings: Mapping[str, Any] = {
        "api_keys": (ApiKey(KEY),),
        "speed": SPEED,
        "durations": DURATIONS,
        "requests_per_minute": 100_000,
        **config,
    }
    simulator = Simulator(SimulatorConfig(**settings))
    async with (
        simulator,
        serve(simulator) as served,
        httpx2.AsyncClient(timeout=DEADLINE_S, trust_env=False) as http,
    ):
        yield Stage(simulator, served, http)


def processes_with(marker: str) -> list[int]:
    """Processes of this machine whose command line or environment holds `marker`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue  # gone meanwhile
            if marker.encode() in text:
                found.append(int(entry.name))
    return found
