"""What an agent asks of SaladCloud, counted on a virtual clock: the same at rest for one pod and for a thousand."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.histories.virtual_time import monotonic
from tests.integration.agent.scene import SHORT, Scene

pytestmark = pytest.mark.looptime

MINUTES = 6
MOST_REQUESTS_A_MINUTE = 30
AT_REST = {"list_container_groups": 12, "query_log_entries": 12, "list_container_group_instances": 4}
SOMETIMES = {"list_gpu_classes", "get_quotas"}


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("pods", [1, 100, 1000])
async def test_each_minute_at_rest_costs_the_same_requests_however_many_pods_there_are(pods: int) -> None:
    async with Scene(SHORT) as scene:
        scene.create_pods_with_groups(pods)
        scene.start_agent()
        await scene.all_ready(within_s=1800)
        await asyncio.sleep(120)
        for _ in range(MINUTES):
            begins = monotonic()
            await asyncio.sleep(60)
            counted = Counter(request.operation for request in scene.requests(since_s=begins))
            assert counted.total() <= MOST_REQUESTS_A_MINUTE, counted
            # A window cuts each rhythm at a phase of its own.
            assert all(abs(counted[operation] - count) <= 1 for operation, count in AT_REST.items()), counted
            assert set(counted) <= AT_REST.keys() | SOMETIMES


@pytest.mark.usefixtures("quiet")
async def test_of_many_pods_created_at_once_none_is_throttled_and_the_first_run_while_the_last_still_wait() -> None:
    async with Scene() as scene:
        scene.start_agent()
        await asyncio.sleep(120)
        scene.create_pods(400)
        await asyncio.sleep(115)
        created = Counter(request.operation for request in scene.requests())["create_container_group"]
        assert 300 <= created < 400
        assert scene.ready() > 0
        await scene.all_ready(within_s=1800)
        assert all(request.status in (200, 201) for request in scene.requests())
        assert Counter(request.operation for request in scene.requests())["create_container_group"] == 400
