"""Log entries over the REST API, each answer held against the OpenAPI document."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from typing import Any

import pytest

from scvk.simulator.logs.entries import format_time
from tests.unit.simulator.api_client import Client, api


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with api() as client:
        yield client


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
        await client.running()
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
        await client.running()
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
        await client.running()
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
