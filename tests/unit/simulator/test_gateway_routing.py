"""Which group, who may, and which instance: the gateway's decisions on a virtual clock."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from scvk.simulator.cloud.group import Group
from scvk.simulator.cloud.instance import Instance
from scvk.simulator.config import ApiKey
from scvk.simulator.gateway.pages import page
from scvk.simulator.gateway.routing import Balancer, Destination, Refused, Router
from scvk.simulator.runtime.script import Script
from tests.unit.simulator.world import World, probe

KEYS = (ApiKey("of-all"), ApiKey("of-acme", ("acme-corp",)), ApiKey("of-others", ("others",)))


def networking(**changes: Any) -> dict[str, Any]:
    return {"protocol": "http", "port": 80, "auth": False, **changes}


def destination(group: Group) -> Destination:
    return Destination(group, "acme-corp", group.definition.values["networking"])


async def order_of(balancer: Balancer, group: Group, count: int) -> list[Instance]:
    """The instances that so many requests, one after the other, are given to."""
    chosen = []
    for _ in range(count):
        async with balancer.instance(destination(group)) as instance:
            chosen.append(instance)
    return chosen


class TestWhich:
    @pytest.mark.parametrize("written", ["{}", "{}:8788", "{}."])
    def test_a_group_by_its_name_in_any_case(self, written: str) -> None:
        world = World()
        group = world.running(networking=networking())
        router = Router(world.platform, KEYS)
        assert group.dns is not None
        assert router.find(written.format(group.dns.upper())).group is group

    @pytest.mark.parametrize(("host", "status"), [("", 400), ("unknown.salad.cloud", 404), (":80", 400)])
    def test_none_for_another(self, host: str, status: int) -> None:
        world = World()
        world.running(networking=networking())
        world.running(name="without-networking")
        with pytest.raises(Refused) as refused:
            Router(world.platform, KEYS).find(host)
        assert refused.value.status == status


@pytest.mark.parametrize(
    ("key", "status"), [(None, 401), ("", 401), ("wrong", 403), ("of-others", 403), ("of-acme", 0), ("of-all", 0)]
)
def test_a_key_of_the_organization_is_wanted(key: str | None, status: int) -> None:
    world = World()
    router = Router(world.platform, KEYS)
    router.admit(destination(world.running(networking=networking())), key)
    guarded = destination(world.running(name="guarded", networking=networking(auth=True)))
    if status == 0:
        router.admit(guarded, key)
        return
    with pytest.raises(Refused) as refused:
        router.admit(guarded, key)
    assert refused.value.status == status


class TestBalancing:
    async def test_instances_take_turns(self) -> None:
        group = World().running(networking=networking(), replicas=3)
        order = await order_of(Balancer(), group, 6)
        assert order[:3] == order[3:]
        assert len(set(order)) == 3

    async def test_turns_come_whatever_is_still_busy(self) -> None:
        group, balancer = World().running(networking=networking(), replicas=2), Balancer()
        async with balancer.instance(destination(group)):
            assert len(set(await order_of(balancer, group, 2))) == 2

    async def test_least_connections_passes_the_busy_one_by(self) -> None:
        least = networking(load_balancer="least_number_of_connections")
        group, balancer = World().running(networking=least, replicas=2), Balancer()
        async with balancer.instance(destination(group)) as busy:
            assert busy not in await order_of(balancer, group, 3)

    async def test_nobody_ready_is_503_at_once(self) -> None:
        world = World(Script(probe=lambda _probe, _age_s: False))
        unready = world.running(networking=networking(), readiness_probe=probe())
        for group in (unready, world.create(name="starting", networking=networking())):
            with pytest.raises(Refused) as refused:
                await order_of(Balancer(), group, 1)
            assert refused.value.status == 503

    @pytest.mark.looptime
    async def test_with_the_single_connection_limit_one_waits_for_the_other(self) -> None:
        single = networking(single_connection_limit=True, client_request_timeout=5000)
        group, balancer = World().running(networking=single), Balancer()
        async with balancer.instance(destination(group)):
            waiting = asyncio.create_task(order_of(balancer, group, 1))
            await asyncio.sleep(3)
            assert not waiting.done()
        assert len(await waiting) == 1

    @pytest.mark.looptime
    async def test_and_gets_504_after_the_client_request_timeout(self) -> None:
        single = networking(single_connection_limit=True, client_request_timeout=2000)
        group, balancer = World().running(networking=single), Balancer()
        began = asyncio.get_running_loop().time()
        async with balancer.instance(destination(group)):
            with pytest.raises(Refused) as refused:
                await order_of(balancer, group, 1)
        assert refused.value.status == 504
        assert asyncio.get_running_loop().time() - began == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 502, 503, 504, 524])
def test_every_refusal_has_a_page(status: int) -> None:
    text = page(status).decode()
    assert f"<h1>Error {status} Detected</h1>" in text
    assert "What you can do" in text
