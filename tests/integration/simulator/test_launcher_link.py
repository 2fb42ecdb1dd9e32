"""However much is asked of the launcher at once: both ends go on, and what cannot be had fails in words."""

from __future__ import annotations

import asyncio
import os
import resource
import socket

from scvk.simulator.runtime.inside import Inside
from tests.integration.simulator.stage import Stage, stage

# Requests and answers that fill the buffers of both directions of a Unix socket several times.
MANY = 3000


async def test_more_questions_at_once_than_both_buffers_hold_are_all_answered() -> None:
    async with stage() as simulated:
        inside = await an_inside(simulated)

        async def ask() -> None:
            (await inside.open_socket(socket.AF_INET)).close()

        async with asyncio.timeout(60):
            await asyncio.gather(*(ask() for _ in range(MANY)))


async def test_what_there_is_no_room_for_fails_in_words_and_nothing_else_does() -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with stage() as simulated:
        inside = await an_inside(simulated)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free_descriptor() + 2, limits[1]))
        try:
            asked = (inside.open_socket(socket.AF_INET) for _ in range(5))
            sockets = await asyncio.gather(*asked, return_exceptions=True)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for opened in sockets:
            if isinstance(opened, socket.socket):
                opened.close()
        refused = [str(opened) for opened in sockets if not isinstance(opened, socket.socket)]
        assert 0 < len(refused) < 5
        assert set(refused) == {"Too many open files"}
        (await inside.open_socket(socket.AF_INET)).close()


def lowest_free_descriptor() -> int:
    number = os.dup(0)
    os.close(number)
    return number


async def an_inside(simulated: Stage) -> Inside:
    await simulated.create("sleeper", ["sleep", "1000"])
    await simulated.until_running("sleeper")
    (project,) = simulated.simulator.platform.all_projects()
    (instance,) = project.groups["sleeper"].instances.values()
    assert instance.container is not None
    assert instance.container.inside is not None
    return instance.container.inside
