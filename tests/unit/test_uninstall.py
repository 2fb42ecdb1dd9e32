"""The composition of `scvk uninstall`: what it says and leaves where it cannot go on."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest

from scvk.agent import AgentError
from scvk.kubelet.leaving import HEEDED, MARK, Leaving
from scvk.kubelet.uninstallation import Uninstallation
from scvk.settings import AgentSettings
from scvk.uninstall import Groups, _drain, _refuse_left_overs, _take_away
from tests.unit.kubelet.builders import NODE, node_json, pod_json
from tests.unit.kubelet.in_memory_api import InMemoryApi

pytestmark = pytest.mark.looptime

PATH = f"nodes/{NODE}"


@pytest.fixture
def api() -> InMemoryApi:
    return InMemoryApi()


def now() -> datetime:
    return datetime.fromisoformat("2026-03-01T12:00:00Z")


async def going_of(api: InMemoryApi) -> Uninstallation:
    api.put(PATH, node_json())
    going = await Uninstallation.of(api.cluster, NODE, now=now)
    assert going is not None
    return going


def left(*rounds: tuple[str, ...]) -> Groups:
    told = iter(rounds)

    async def groups() -> tuple[str, ...]:
        return next(told)

    return groups


async def test_without_agent_and_key_nothing_is_deleted_and_it_is_said_what_to_give(api: InMemoryApi) -> None:
    going = await going_of(api)
    api.put("pods/shop/web", pod_json())
    with pytest.raises(AgentError, match="give the API key") as caught:
        await _take_away(AgentSettings(), going, Leaving.DRAIN, None, lambda _: None)
    assert "stays marked and cordoned" in str(caught.value)
    assert {"pods/shop/web", PATH} <= api.objects.keys()
    assert "deletionTimestamp" not in api.objects["pods/shop/web"]["metadata"]


async def test_to_keep_needs_neither_agent_nor_key(api: InMemoryApi) -> None:
    going = await going_of(api)
    api.put("pods/shop/web", pod_json())
    await _take_away(AgentSettings(), going, Leaving.KEEP, None, lambda _: None)
    assert PATH not in api.objects
    assert "deletionTimestamp" not in api.objects["pods/shop/web"]["metadata"]


async def test_the_node_goes_after_the_pods_and_after_groups_whose_pods_are_gone(api: InMemoryApi) -> None:
    going = await going_of(api)
    api.put("pods/shop/web", pod_json())
    api.change(PATH, {"metadata": {"annotations": {MARK: "drain", HEEDED: "drain"}}})
    told: list[str] = []
    draining = asyncio.create_task(_drain(going, left(("shop-old-abc",), ()), told.append))
    await asyncio.sleep(60)
    assert "deletionTimestamp" in api.objects["pods/shop/web"]["metadata"]
    assert PATH in api.objects
    api.remove("pods/shop/web")
    await asyncio.sleep(5)
    assert PATH in api.objects
    assert told[-1].endswith("shop-old-abc")
    await draining
    assert PATH not in api.objects


async def test_groups_of_a_node_that_is_gone_already_are_not_passed_over(api: InMemoryApi) -> None:
    await _refuse_left_overs(NODE, None)
    await _refuse_left_overs(NODE, left(()))
    with pytest.raises(AgentError, match=r"a, b, c, d, e and 2 more; `scvk gc --nodename salad`"):
        await _refuse_left_overs(NODE, left(tuple("abcdefg")))
