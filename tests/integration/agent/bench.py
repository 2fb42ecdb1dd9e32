"""The part of `make bench` on a virtual clock: what an agent asks of SaladCloud, in counts and virtual minutes.

What the limit leaves for creations are the 225 requests a minute that are planned for, without those that are spent at
rest.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

import looptime
import structlog

from scvk.bench import Figure, show
from scvk.saladcloud.budget import PLANNED_LIMIT
from tests.histories.virtual_time import monotonic
from tests.integration.agent.scene import SHORT, Scene

CREATED = 1000
MINUTES = 5
_WARM_S = 120.0
T = TypeVar("T")


async def requests_at_rest(pods: int) -> tuple[float, ...]:
    """Return the requests of some minutes in a row."""
    async with Scene(SHORT) as scene:
        scene.create_pods_with_groups(pods)
        scene.start_agent()
        await scene.all_ready(within_s=1800)
        await asyncio.sleep(_WARM_S)
        counts = []
        for _ in range(MINUTES):
            begins = monotonic()
            await asyncio.sleep(60)
            counts.append(float(len(scene.requests(since_s=begins))))
        return tuple(counts)


async def created_at_once(pods: int) -> tuple[float, int, float]:
    """Return creations a minute, answers 429, and virtual seconds from the first creation to all pods being Ready."""
    async with Scene(SHORT) as scene:
        scene.start_agent()
        await asyncio.sleep(_WARM_S)
        begins = monotonic()
        scene.create_pods(pods)
        await scene.all_ready(within_s=1800)
        ready_s = monotonic() - begins
        requests = scene.requests(since_s=begins)
        created = [each.time for each in requests if each.operation == "create_container_group"]
        rate = 60 * len(created) / (created[-1] - created[0]).total_seconds()
        return rate, sum(each.status == 429 for each in requests), ready_s


def on_a_virtual_clock(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, in no time."""
    loop = looptime.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def main() -> int:
    """Count everything and print it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    at_rest = {pods: on_a_virtual_clock(requests_at_rest(pods)) for pods in (1, 100, CREATED)}
    left = PLANNED_LIMIT - max(max(counts) for counts in at_rest.values())
    rate, throttled, ready_s = on_a_virtual_clock(created_at_once(CREATED))
    created = f"{CREATED:,} pods created at once"
    show(
        (
            *(
                Figure(f"requests a minute at rest, {pods:,} pods", "", counts, "30 or less")
                for pods, counts in at_rest.items()
            ),
            Figure(f"{created}: creations", "a minute", (rate,), f"{0.85 * left:.0f} or more (85 % of {left:.0f})"),
            Figure(f"{created}: answers 429", "", (float(throttled),), "0"),
            Figure(f"{created}: until all are Ready", "virtual s", (ready_s,), "none"),
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
