"""One served API for a test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.integration.kubelet_api.served import Served, served


@pytest_asyncio.fixture
async def served_api() -> AsyncIterator[Served]:
    async with served() as api:
        yield api
