"""The API server in memory behaves as the real one does: the same suite runs in tests/e2e/testbed."""

from __future__ import annotations

import httpx2
import pytest

from tests.api_server.behaviours import BEHAVIOURS, Behaviour
from tests.api_server.connection import ApiServer
from tests.histories.strict_api import StrictApi
from tests.histories.virtual_time import run_virtually, wall_clock


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.__name__)
def test_in_memory(behaviour: Behaviour) -> None:
    async def meet() -> None:
        transport = httpx2.MockTransport(StrictApi(wall_clock)._handle)
        async with httpx2.AsyncClient(transport=transport, base_url="https://k8s", trust_env=False) as http:
            await behaviour(ApiServer(http, "shop"))

    run_virtually(meet())


def test_a_watch_from_too_long_ago_is_refused() -> None:
    """Only here: no watch from the real server's beginnings is too old for it until it has seen a lot."""

    async def meet() -> None:
        api = StrictApi(wall_clock)
        api.put("pods/shop/web", {"spec": {}})
        api.forget_history()
        transport = httpx2.MockTransport(api._handle)
        async with httpx2.AsyncClient(transport=transport, base_url="https://k8s", trust_env=False) as http:
            ((kind, status),) = await ApiServer(http, "shop").changes(1, 1)
            assert (kind, status["code"]) == ("ERROR", 410)

    run_virtually(meet())
