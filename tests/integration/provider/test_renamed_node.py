"""An agent started again under another node name: whose the former node's groups are, and when they are collected."""

from __future__ import annotations

import asyncio

import pytest

from scvk.kubelet.collection import Collector
from tests.integration.provider.world import World, mark, name_of
from tests.unit.kubelet.builders import pod_json
from tests.unit.kubelet.in_memory_api import InMemoryApi
from tests.unit.provider.evidence import UID

pytestmark = pytest.mark.looptime

FORMER = mark().node


class Renamed:
    """A group of the former node, and the collector of the agent under its new name, which does not know the pod."""

    def __init__(self) -> None:
        self.world = World()
        self.world.run_group()
        self.api = InMemoryApi()
        may_act = asyncio.Event()
        may_act.set()
        self.collector = Collector(
            self.api.cluster, self.world.provider, "new-name", known_uids=frozenset, may_act=may_act
        )

    async def passes(self, count: int = 4) -> bool:
        """Return whether the group is still there after so many passes."""
        for _ in range(count):
            await self.collector.run_once()
            await self.world.poll()
        return name_of() in self.world.cloud.groups and name_of() not in self.world.cloud.deleting


async def test_while_the_former_node_stands_its_groups_are_left_to_an_agent_of_that_name() -> None:
    renamed = Renamed()
    await renamed.world.started()
    renamed.api.put(f"nodes/{FORMER}", {})
    assert await renamed.passes()
    assert renamed.collector.orphans == 0


async def test_a_pod_that_outlives_its_node_keeps_its_group() -> None:
    renamed = Renamed()
    await renamed.world.started()
    renamed.api.put("pods/shop/web", pod_json(uid=UID, node=FORMER))
    assert await renamed.passes()


async def test_when_node_and_pod_are_gone_the_group_is_collected_under_the_new_name() -> None:
    renamed = Renamed()
    await renamed.world.started()
    renamed.api.put(f"nodes/{FORMER}", {})
    renamed.api.put("pods/shop/web", pod_json(uid=UID, node=FORMER))
    assert await renamed.passes(2)
    renamed.api.remove(f"nodes/{FORMER}")
    renamed.api.remove("pods/shop/web")
    assert await renamed.passes(1), "one pass gives nothing up"
    assert renamed.collector.orphans == 1
    assert not await renamed.passes(1)


async def test_a_node_that_comes_back_between_two_passes_saves_its_groups() -> None:
    renamed = Renamed()
    await renamed.world.started()
    assert await renamed.passes(1)
    renamed.api.put(f"nodes/{FORMER}", {})
    assert await renamed.passes()
