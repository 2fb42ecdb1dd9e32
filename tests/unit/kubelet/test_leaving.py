"""A node that is being uninstalled: what the mark on it does, and that the agent ends with the Node."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest

from scvk.kubelet.inputs import InputNeeds
from scvk.kubelet.kubelet import AgentIdentity, Kubelet
from scvk.kubelet.leaving import HEEDED, MARK, Departure, Leaving, leaving_of, leaving_patch
from scvk.kubelet.node import NodeIdentity
from scvk.kubelet.provider import Holding, PodIdentity, PodKey
from tests.unit.kubelet.builders import NODE, node, node_json, pod_json
from tests.unit.kubelet.fake_provider import GONE, FakeProvider
from tests.unit.kubelet.in_memory_api import InMemoryApi

pytestmark = pytest.mark.looptime

PATH = f"nodes/{NODE}"
LEASE = f"leases/lab/{NODE}-agent"


@pytest.mark.parametrize(
    ("annotations", "how"),
    [
        (None, None),
        ({}, None),
        ({MARK: "drain"}, Leaving.DRAIN),
        ({MARK: "keep"}, Leaving.KEEP),
        ({MARK: "something new"}, Leaving.KEEP),
        ({MARK: ""}, Leaving.KEEP),
    ],
)
def test_a_mark_that_is_not_understood_means_the_one_that_changes_nothing(
    annotations: dict[str, str] | None, how: Leaving | None
) -> None:
    assert leaving_of(node(node_json(annotations=annotations))) is how


@pytest.mark.parametrize(
    ("annotations", "cordoned", "expected"),
    [
        pytest.param({}, False, None, id="no mark"),
        pytest.param(
            {MARK: "drain"},
            False,
            {"metadata": {"uid": "u", "annotations": {HEEDED: "drain"}}, "spec": {"unschedulable": True}},
            id="a new mark",
        ),
        pytest.param({MARK: "drain", HEEDED: "drain"}, True, None, id="heeded"),
        pytest.param(
            {MARK: "keep", HEEDED: "drain"},
            True,
            {"metadata": {"uid": "u", "annotations": {HEEDED: "keep"}}},
            id="another mark",
        ),
        pytest.param(
            {HEEDED: "drain"},
            True,
            {"metadata": {"uid": "u", "annotations": {HEEDED: None}}},
            id="taken off: the cordon is a person's to lift",
        ),
    ],
)
def test_the_agent_says_what_it_heeds_and_cordons(
    annotations: dict[str, str], cordoned: bool, expected: dict[str, Any] | None
) -> None:
    plain = {**node_json(uid="u", annotations=annotations), "spec": {"unschedulable": cordoned}}
    assert leaving_patch(node(plain)) == expected


async def test_permission_needs_the_lease_and_a_node_that_does_not_keep() -> None:
    held = asyncio.Event()
    departure = Departure(held)
    departure.learn(Leaving.KEEP)
    waiting = asyncio.create_task(departure.wait())
    held.set()
    await asyncio.sleep(1)
    assert not waiting.done()
    held.clear()
    departure.learn(None)
    await asyncio.sleep(1)
    assert not waiting.done()
    held.set()
    await asyncio.sleep(1)
    assert waiting.done()


# -- the agent -------------------------------------------------------------------------------------------------------


class Playing:
    """A kubelet on an API in memory."""

    def __init__(self, api: InMemoryApi, now: Callable[[], datetime]) -> None:
        self.api = api
        self.now = now
        self.provider = FakeProvider()
        self.prepare: Callable[[], Awaitable[None]] = nothing

    async def start(self) -> None:
        identity = NodeIdentity(NODE, "10.0.0.7", "v1.37.2")
        self.kubelet = Kubelet(self.api.cluster, self.provider, identity, AgentIdentity("me", "lab"), now=self.now)
        self.task = asyncio.create_task(self.kubelet.run(self.prepare))
        await asyncio.sleep(1)

    def mark(self, how: str | None) -> None:
        self.api.change(PATH, {"metadata": {"annotations": {MARK: how}}})

    @property
    def heeded(self) -> str | None:
        found = (self.api.objects[PATH]["metadata"].get("annotations") or {}).get(HEEDED)
        assert found is None or isinstance(found, str)
        return found

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def nothing() -> None:
    """Prepare nothing."""


@pytest.fixture
def playing(api: InMemoryApi, now: Callable[[], datetime]) -> Playing:
    return Playing(api, now)


@pytest.mark.parametrize("how", ["keep", "drain"])
async def test_a_node_that_goes_with_the_mark_is_not_made_again_and_the_agent_ends_in_peace(
    api: InMemoryApi, playing: Playing, how: str
) -> None:
    await playing.start()
    playing.mark(how)
    await asyncio.sleep(11)
    assert (playing.heeded, api.objects[PATH]["spec"]["unschedulable"]) == (how, True)
    api.remove(PATH)
    await asyncio.sleep(3)
    assert playing.task.done()
    assert playing.task.exception() is None
    assert PATH not in api.objects
    assert api.objects[LEASE]["spec"]["holderIdentity"] == ""


async def test_a_node_that_goes_without_the_mark_or_after_it_was_taken_off_is_made_again(
    api: InMemoryApi, playing: Playing
) -> None:
    await playing.start()
    playing.mark("drain")
    await asyncio.sleep(11)
    playing.mark(None)
    await asyncio.sleep(11)
    assert playing.heeded is None
    api.remove(PATH)
    await asyncio.sleep(11)
    assert PATH in api.objects
    await playing.stop()


@pytest.mark.parametrize("how", ["keep", "drain"])
async def test_on_a_node_that_goes_nothing_new_is_made(api: InMemoryApi, playing: Playing, how: str) -> None:
    await playing.start()
    playing.provider.needs = InputNeeds(("main",))
    playing.mark(how)
    await asyncio.sleep(11)
    api.put("pods/shop/late", pod_json("late"))
    await asyncio.sleep(60)
    assert playing.provider.inputs == []
    reasons = {body["reason"] for body in api.bodies("POST", "events/shop")}
    assert reasons == ({"NodeLeaving"} if how == "drain" else set())
    playing.mark(None)
    await asyncio.sleep(45)
    assert len(playing.provider.inputs) >= 1
    await playing.stop()


async def test_while_it_drains_deleted_pods_and_left_overs_go_as_always(api: InMemoryApi, playing: Playing) -> None:
    await playing.start()
    playing.provider.removal = lambda _: GONE
    playing.mark("drain")
    await asyncio.sleep(11)
    api.put("pods/shop/web", pod_json("web", deleted=True))
    playing.provider.held = (Holding(PodIdentity(PodKey("shop", "gone"), "uid-gone"), NODE),)
    await asyncio.sleep(70)
    assert "pods/shop/web" not in api.objects
    assert {uid for uid, _ in playing.provider.removed} == {"uid-a", "uid-gone"}
    await playing.stop()


async def test_what_is_kept_stays_though_its_pods_go(api: InMemoryApi, playing: Playing) -> None:
    await playing.start()
    api.put("pods/shop/web", pod_json("web"))
    playing.provider.held = (Holding(PodIdentity(PodKey("shop", "web"), "uid-a"), NODE),)
    playing.mark("keep")
    await asyncio.sleep(11)
    api.remove("pods/shop/web")  # as the collector of orphaned pods does
    await asyncio.sleep(120)
    assert playing.provider.removed == []
    await playing.stop()


async def test_an_agent_started_anew_heeds_the_mark_before_anything_else(api: InMemoryApi, playing: Playing) -> None:
    await playing.start()
    playing.mark("keep")
    await playing.stop()
    playing.provider.needs = InputNeeds(("main",))
    api.put("pods/shop/web", pod_json("web"))
    await playing.start()
    await asyncio.sleep(60)
    assert playing.heeded == "keep"
    assert (playing.provider.inputs, playing.provider.removed) == ([], [])
    await playing.stop()


async def test_an_agent_started_while_the_marked_node_goes_ends_too(api: InMemoryApi, playing: Playing) -> None:
    await playing.start()
    playing.mark("drain")
    await playing.stop()

    async def meanwhile() -> None:
        api.remove(PATH)

    playing.prepare = meanwhile
    await playing.start()
    await asyncio.sleep(3)
    assert playing.task.done()
    assert playing.task.exception() is None
    assert PATH not in api.objects
