"""Serves each running instance's metadata service on the socket that came with its network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from scvk.simulator.cloud.instance import Instance
from scvk.simulator.metadata.api import metadata_app
from scvk.simulator.runtime.inside import Inside

_ANSWER_FIRST_S = 0.1


class MetadataDoors:
    """One application, one listening socket for each instance that has one."""

    def __init__(self) -> None:
        self._config = uvicorn.Config(
            metadata_app(), http=H11Protocol, ws="none", lifespan="off", log_level="error", access_log=False
        )
        self._config.load()
        self._doors: dict[Instance, _Door] = {}

    def open(self, instance: Instance, inside: Inside) -> None:
        """Serve it."""
        self.close(instance)
        if inside.metadata_listener is not None:
            self._doors[instance] = _Door(self._config, instance, inside)

    def close(self, instance: Instance) -> None:
        """Serve it no more."""
        door = self._doors.pop(instance, None)
        if door is not None:
            door.close()


class _Door:
    def __init__(self, config: uvicorn.Config, instance: Instance, inside: Inside) -> None:
        self._config = config
        self._state = ServerState()
        self._instance = instance
        self._server: asyncio.Server | None = None
        self._timers: set[asyncio.TimerHandle] = set()
        self._task = asyncio.get_running_loop().create_task(self._listen(inside))

    async def _listen(self, inside: Inside) -> None:
        if inside.metadata_listener is None:
            return
        # The server gets a socket of its own: the container closes the other when it ends. Begun only when
        # it is known to `close`, which may cancel this at any await.
        sock = inside.metadata_listener.dup()
        self._server = await asyncio.get_running_loop().create_server(self._protocol, sock=sock, start_serving=False)
        await self._server.start_serving()

    def _protocol(self) -> asyncio.Protocol:
        app_state: dict[str, Any] = {"instance": self._instance, "later": self._later}
        return H11Protocol(self._config, self._state, app_state)

    def _later(self, act: Callable[[], None]) -> None:
        """Not at once: the program that asked for it will be ended, and shall see the answer before."""
        self._timers.add(asyncio.get_running_loop().call_later(_ANSWER_FIRST_S, act))

    def close(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._task.cancel()
        if self._server is not None:
            self._server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
