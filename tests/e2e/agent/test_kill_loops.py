"""The agent killed again and again, at moments that nobody chose, while pods come and go."""

from __future__ import annotations

import asyncio
import random
from functools import partial

import pytest

from tests.e2e.processes import until
from tests.e2e.stage import Stage
from tests.e2e.workloads import deployment

PODS = 10
KILLS = 6


@pytest.mark.full
async def test_kills_while_pods_come_and_go_make_nothing_twice_and_leave_nothing(stage: Stage) -> None:
    chance = random.Random(20)
    seen: dict[str, set[str]] = {}
    for replicas in (PODS, 0):
        await stage.running_agent()
        if replicas:
            await stage.apply(deployment("many", replicas))
        else:
            await stage.kubectl("scale", "deployment/many", "--replicas=0")
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.1, 4.0))  # the moment is what is tested, nothing is waited for
            await stage.agents[-1].kill()
            await note_groups(stage, seen)
            await stage.running_agent()
        await until(f"{replicas} pods", partial(settled, stage, replicas), within=180)
        await note_groups(stage, seen)
        await stage.agents[-1].stop()
    assert len(seen) == PODS
    assert all(len(groups) == 1 for groups in seen.values()), seen


async def settled(stage: Stage, count: int) -> bool:
    """Say whether there are exactly so many groups, and as many pods, all of them Ready."""
    groups = await stage.own_groups()
    if count == 0:
        return not groups and not await stage.pods()
    return len(groups) == count and len(await stage.ready_pods(count, within=120)) == count


async def note_groups(stage: Stage, seen: dict[str, set[str]]) -> None:
    """Collect the ids of all groups ever seen, by the UID of their pod."""
    for group in (await stage.own_groups()).values():
        uid = group["container"]["environment_variables"]["SCVK_POD_UID"]
        seen.setdefault(uid, set()).add(group["id"])
