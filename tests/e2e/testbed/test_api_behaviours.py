"""The real API server behaves as the one in memory does: the same suite runs in tests/histories."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count

import httpx2
import pytest
from lightkube.config import client_adapter
from lightkube.config.kubeconfig import KubeConfig

from scvk.testbed import Testbed
from scvk.testbed.waiting import Timing, wait_until
from tests.api_server.behaviours import BEHAVIOURS, Behaviour
from tests.api_server.connection import ApiServer

_NUMBERS = count(1)


@pytest.fixture
async def api(testbed: Testbed) -> AsyncIterator[ApiServer]:
    name = f"behaviours-{next(_NUMBERS)}"
    await testbed.kubectl("create", "namespace", name)
    config = KubeConfig.from_file(testbed.kubeconfig).get()
    assert config is not None
    parameters = client_adapter.ConnectionParams(timeout=httpx2.Timeout(20), trust_env=False)
    async with client_adapter.AsyncClient(config, parameters) as http:

        async def account() -> bool:
            return (await http.get(f"/api/v1/namespaces/{name}/serviceaccounts/default")).is_success

        assert await wait_until(account, 30, 0.1, Timing()), "the namespace never got its service account"
        yield ApiServer(http, name)


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.__name__)
async def test_on_the_real_server(api: ApiServer, behaviour: Behaviour) -> None:
    await behaviour(api)
