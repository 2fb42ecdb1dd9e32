"""One object, followed by its name."""

from __future__ import annotations

import asyncio

import pytest
from lightkube.resources.core_v1 import ConfigMap

from scvk.kubelet.object_watch import newest
from tests.unit.kubelet.in_memory_api import InMemoryApi

pytestmark = pytest.mark.looptime

PATH = "configmaps/kube-system/authority"


class Follower:
    def __init__(self, api: InMemoryApi) -> None:
        self.seen: list[str | None] = []
        self._api = api
        self.task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        versions = newest(self._api.cluster, ConfigMap, "authority", namespace="kube-system", random=lambda: 0.5)
        async for found in versions:
            self.seen.append((found.data or {}).get("ca") if found is not None else None)


def put(api: InMemoryApi, ca: str) -> None:
    api.put(PATH, {"data": {"ca": ca}})


async def test_it_is_yielded_as_it_is_and_when_it_changes_and_goes_and_comes() -> None:
    api = InMemoryApi()
    put(api, "one")
    api.put("configmaps/kube-system/another", {"data": {"ca": "of somebody else"}})
    follower = Follower(api)
    await asyncio.sleep(0.1)
    put(api, "two")
    await asyncio.sleep(0.1)
    api.remove(PATH)
    put(api, "three")
    await asyncio.sleep(0.1)
    assert follower.seen == ["one", "two", None, "three"]
    assert {(seen.method, "watch" in seen.url.params) for seen in api.seen} == {("GET", True)}
    follower.task.cancel()


async def test_a_change_while_the_watch_was_broken_is_seen() -> None:
    api = InMemoryApi()
    put(api, "one")
    follower = Follower(api)
    await asyncio.sleep(0.1)
    api.refuse(503, watches=True, times=3)
    api.watches[-1].break_off()
    await asyncio.sleep(1.5)
    put(api, "two")
    await asyncio.sleep(30)
    assert follower.seen == ["one", "two"]
    follower.task.cancel()


@pytest.mark.parametrize("answer", [403, 500])
async def test_who_gets_no_answer_does_not_ask_all_the_time(answer: int) -> None:
    api = InMemoryApi()
    api.refuse(answer, watches=True, times=None)
    follower = Follower(api)
    await asyncio.sleep(600)
    assert len(api.seen) < 20
    assert not follower.task.done()
    follower.task.cancel()


async def test_watches_that_end_at_once_are_not_begun_all_the_time() -> None:
    api = InMemoryApi()
    follower = Follower(api)
    for _ in range(100):
        await asyncio.sleep(0.1)
        for watch in api.watches:
            watch.end()
    assert len(api.seen) <= 11
    follower.task.cancel()
