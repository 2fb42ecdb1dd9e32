"""What `/healthz` says of a whole agent, while something fails and after it has ended."""

from __future__ import annotations

import asyncio

import pytest

from scvk.simulator.api.faults import Fault, FaultKind
from tests.integration.agent.scene import SHORT, Scene

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("quiet")]


async def test_an_outage_of_saladcloud_is_an_ailment_after_a_minute_and_until_it_has_ended() -> None:
    async with Scene(SHORT) as scene:
        scene.create_pods_with_groups(2)
        scene.start_agent()
        await scene.all_ready(within_s=600)
        kubelet = scene.agent.node.kubelet
        assert kubelet.ailment() is None
        scene.simulator.faults.add(Fault(kind=FaultKind.STATUS, status=500))
        await asyncio.sleep(45)
        assert kubelet.ailment() is None
        await asyncio.sleep(60)
        ailment = kubelet.ailment()
        assert ailment is not None
        assert ailment.startswith("SaladCloud told of the project's container groups last ")
        scene.simulator.faults.clear()
        await asyncio.sleep(120)
        assert kubelet.ailment() is None


async def test_an_agent_that_has_just_begun_is_not_well_yet() -> None:
    async with Scene(SHORT) as scene:
        scene.start_agent()
        ailment = scene.agent.node.kubelet.ailment()
        assert ailment is not None
        assert len(ailment.splitlines()) == 4
        await asyncio.sleep(30)
        assert scene.agent.node.kubelet.ailment() is None
