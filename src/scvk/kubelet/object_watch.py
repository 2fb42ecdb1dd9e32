"""One object, followed by its name: what it is now, and each time it changes.

Needs the right to watch and no other: a watch without a version begins with what there is.
"""

from __future__ import annotations

import asyncio
import random as random_module
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import structlog

from scvk.kubelet.backoff import Backoff
from scvk.kubelet.cluster import Cluster, ResourceT
from scvk.kubelet.cluster_errors import ClusterError

WATCH_SECONDS = 290
SHORTEST_WATCH_S = 1.0
BACKOFF = Backoff(first=1.0, cap=60.0)

log = structlog.get_logger(__name__)


async def newest(
    cluster: Cluster,
    kind: type[ResourceT],
    name: str,
    *,
    namespace: str | None = None,
    random: Callable[[], float] = random_module.random,
) -> AsyncGenerator[ResourceT | None, None]:
    """Yield the object as it is, and again when it may have changed; None when it was deleted. Endless.

    An object that does not exist yields nothing. Failures of the API are logged, and tried again with backoff.
    """
    failures = 0
    while True:
        started = asyncio.get_running_loop().time()
        watch = cluster.watch(
            kind,
            namespace=namespace,
            field_selector=f"metadata.name={name}",
            resource_version="",
            server_timeout_s=WATCH_SECONDS,
        )
        try:
            async with aclosing(watch) as events:
                async for event in events:
                    failures = 0
                    if event.type == "DELETED":
                        yield None
                    elif event.object is not None:
                        yield event.object
            delay = SHORTEST_WATCH_S if asyncio.get_running_loop().time() - started < SHORTEST_WATCH_S else 0.0
        except ClusterError as error:
            failures += 1
            delay = BACKOFF.delay(failures, random)
            tell = log.warning if failures == 1 else log.info
            tell("watching an object ended; trying again", object=name, error=str(error), retry_in_s=round(delay, 1))
        await asyncio.sleep(delay)
