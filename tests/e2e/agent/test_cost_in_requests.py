"""At steady state the number of API requests a minute does not depend on the number of pods, and is at most 30."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.processes import until
from tests.e2e.stage import Stage
from tests.e2e.workloads import deployment

WINDOW = timedelta(seconds=60)
MOST_REQUESTS_A_MINUTE = 30


async def test_fifty_pods_cost_as_many_requests_a_minute_as_one(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(deployment("many", 1))
    await stage.ready_pods(1)
    one = await requests_in_a_minute(stage)
    await stage.kubectl("scale", "deployment/many", "--replicas=50")
    await stage.ready_pods(50, within=180)
    fifty = await requests_in_a_minute(stage)
    assert max(len(one), len(fifty)) <= MOST_REQUESTS_A_MINUTE, (by_operation(one), by_operation(fifty))
    # A window cuts each of the three rhythms (listing, events, sweep) at a different phase.
    assert abs(len(one) - len(fifty)) <= 3, (by_operation(one), by_operation(fifty))
    await stage.kubectl("delete", "deployment", "many")
    await stage.no_pods(within=180)
    assert await stage.own_groups() == {}


async def requests_in_a_minute(stage: Stage) -> list[dict[str, Any]]:
    """Return the agent's requests of one minute, from when the polling has calmed down."""
    start = datetime.now(UTC) + timedelta(seconds=10)
    end = start + WINDOW

    async def passed() -> bool:
        return datetime.now(UTC) >= end

    await until("a minute passes", passed, within=90, every=1)
    return [
        request
        for request in await stage.cloud.requests()
        if start <= datetime.fromisoformat(request["time"]) < end and request["api_key"] == 0
    ]


def by_operation(requests: list[dict[str, Any]]) -> dict[str, int]:
    """Count requests by operation, for a failure's message."""
    operations = [request["operation"] for request in requests]
    return {operation: operations.count(operation) for operation in set(operations)}
