"""What the tests of the kubelet share: an API server in memory, and a wall clock that follows the loop's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from scvk.kubelet.cluster import Cluster
from tests.unit.kubelet.builders import START
from tests.unit.kubelet.in_memory_api import InMemoryApi


@pytest.fixture
def api() -> InMemoryApi:
    return InMemoryApi()


@pytest.fixture
def cluster(api: InMemoryApi) -> Cluster:
    return api.cluster


@pytest.fixture
def now() -> Callable[[], datetime]:
    """The time of day, moved by the loop's (virtual) clock only."""
    return lambda: START + timedelta(seconds=asyncio.get_running_loop().time())
