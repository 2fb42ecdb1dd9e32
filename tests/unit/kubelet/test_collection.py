"""What the cloud holds for pods that are gone: given up late, and only when that is certain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from scvk.kubelet.collection import PASS_EVERY_S, Collector
from scvk.kubelet.provider import Holding, PodIdentity, PodKey, Removal, TemporaryProviderError
from tests.unit.kubelet.builders import NODE, pod_json
from tests.unit.kubelet.fake_provider import FakeProvider
from tests.unit.kubelet.in_memory_api import InMemoryApi, html_answer

pytestmark = pytest.mark.looptime


def holding(uid: str = "uid-a", *, node: str = NODE, name: str = "web") -> Holding:
    return Holding(PodIdentity(PodKey("shop", name), uid), node)


class Collecting:
    def __init__(self, api: InMemoryApi) -> None:
        self.api = api
        self.provider = FakeProvider(held=(holding(),))
        self.known: frozenset[str] = frozenset()
        self.may_act = asyncio.Event()
        self.may_act.set()
        self.collector = Collector(
            api.cluster, self.provider, NODE, known_uids=lambda: self.known, may_act=self.may_act
        )

    async def passes(self, count: int) -> list[str]:
        """Return the UIDs given up in each of `count` passes, a pass a word."""
        return [" ".join(one.pod.uid for one in await self.collector.run_once()) for _ in range(count)]


@pytest.fixture
def collecting(api: InMemoryApi) -> Collecting:
    return Collecting(api)


async def test_what_has_no_pod_goes_in_the_second_pass(collecting: Collecting) -> None:
    assert await collecting.passes(2) == ["", "uid-a"]
    assert collecting.provider.removed == [("uid-a", "")]


async def test_the_removal_goes_on_until_nothing_is_held(collecting: Collecting) -> None:
    assert await collecting.passes(4) == ["", "uid-a", "uid-a", "uid-a"]
    collecting.provider.held = ()
    assert await collecting.passes(2) == ["", ""]


def pod_exists(c: Collecting) -> None:
    c.api.put("pods/shop/web", pod_json())


def pod_is_known(c: Collecting) -> None:
    c.known = frozenset({"uid-a"})


def other_node_lives(c: Collecting) -> None:
    c.provider.held = (holding(node="other"),)
    c.api.put("nodes/other", {})


def nothing_is_known(c: Collecting) -> None:
    c.provider.held = None


def answers(path: str, failure: Any) -> Callable[[Collecting], None]:
    def arrange(c: Collecting) -> None:
        if path == "nodes":
            c.provider.held = (holding(node="other"),)
        c.api.refuse(failure, path=path, times=None)

    return arrange


def unreadable_pod(c: Collecting) -> None:
    c.api.put("pods/shop/web", {**pod_json(uid="uid-x"), "spec": 7})


@pytest.mark.parametrize(
    "arrange",
    [
        pytest.param(pod_exists, id="the pod exists"),
        pytest.param(pod_is_known, id="the informer has the pod"),
        pytest.param(other_node_lives, id="another node lives"),
        pytest.param(nothing_is_known, id="the cloud was not listed"),
        pytest.param(unreadable_pod, id="the pod cannot be read"),
        pytest.param(answers("pods", 403), id="pod: forbidden"),
        pytest.param(answers("pods", 500), id="pod: server error"),
        pytest.param(answers("pods", html_answer(404)), id="pod: a proxy's 404"),
        pytest.param(answers("pods", httpx2.ConnectError("refused")), id="pod: no server"),
        pytest.param(answers("nodes", 403), id="node: forbidden"),
        pytest.param(answers("nodes", 503), id="node: server error"),
        pytest.param(answers("nodes", html_answer(404)), id="node: a proxy's 404"),
    ],
)
async def test_what_is_not_surely_an_orphan_stays(
    collecting: Collecting, arrange: Callable[[Collecting], None]
) -> None:
    arrange(collecting)
    assert await collecting.passes(5) == [""] * 5
    assert collecting.provider.removed == []


async def test_another_pod_of_the_name_does_not_protect_what_its_predecessor_left(
    api: InMemoryApi, collecting: Collecting
) -> None:
    api.put("pods/shop/web", pod_json(uid="uid-new"))
    assert await collecting.passes(2) == ["", "uid-a"]


async def test_what_a_node_that_is_gone_left_is_collected(collecting: Collecting) -> None:
    collecting.provider.held = (holding(node="gone"),)
    assert await collecting.passes(2) == ["", "uid-a"]


async def test_a_doubt_between_two_passes_starts_the_wait_anew(api: InMemoryApi, collecting: Collecting) -> None:
    assert await collecting.passes(1) == [""]
    api.refuse(500, path="pods")
    assert await collecting.passes(3) == ["", "", "uid-a"]


async def test_one_doubtful_holding_does_not_protect_others(api: InMemoryApi, collecting: Collecting) -> None:
    collecting.provider.held = (holding("uid-a"), holding("uid-b", name="db"))
    api.refuse(500, path="pods/shop/db", times=None)
    assert await collecting.passes(2) == ["", "uid-a"]


async def test_a_removal_that_cannot_be_done_now_does_not_hold_up_others(collecting: Collecting) -> None:
    collecting.provider.held = (holding("uid-a"), holding("uid-b", name="db"))

    def removal(pod: PodIdentity) -> Removal:
        if pod.uid == "uid-b":
            raise TemporaryProviderError("throttled")
        return Removal(certain=False)

    collecting.provider.removal = removal
    assert await collecting.passes(2) == ["", "uid-a"]
    assert {uid for uid, _ in collecting.provider.removed} == {"uid-a", "uid-b"}


async def test_each_foreign_node_is_asked_for_once_a_pass(api: InMemoryApi, collecting: Collecting) -> None:
    collecting.provider.held = tuple(holding(f"uid-{number}", node="other") for number in range(200))
    api.put("nodes/other", {})
    await collecting.passes(1)
    assert len(api.seen) == 1


async def test_passes_stand_some_time_apart_and_wait_for_the_agent_lease(collecting: Collecting) -> None:
    collecting.may_act.clear()
    task = asyncio.create_task(collecting.collector.run())
    await asyncio.sleep(10 * PASS_EVERY_S)
    assert collecting.api.seen == []
    collecting.may_act.set()
    await asyncio.sleep(0.1)
    assert collecting.provider.removed == []
    await asyncio.sleep(PASS_EVERY_S)
    assert collecting.provider.removed == [("uid-a", "")]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_bug_in_a_pass_does_not_end_the_collector(collecting: Collecting) -> None:
    def removal(pod: PodIdentity) -> Removal:
        raise AssertionError("a bug")

    collecting.provider.removal = removal
    task = asyncio.create_task(collecting.collector.run())
    await asyncio.sleep(PASS_EVERY_S * 4 + 1)
    assert not task.done()
    assert len(collecting.provider.removed) == 3
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
