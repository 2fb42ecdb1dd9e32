"""A served simulator in a thread of its own: for callers that are not asyncio, or must not share its loop."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Self

from scvk.simulator.config import SimulatorConfig
from scvk.simulator.remote import RemoteSimulator
from scvk.simulator.service import Served, Simulator, serve

_START_DEADLINE_S = 60.0


class BackgroundSimulator:
    """Enter it: then the simulator can be reached on loopback; leave it: every program has ended.

    Raises what `Simulator` and `serve` raise on entering: RuntimeUnavailableError, AddressUnavailableError.
    """

    def __init__(self, config: SimulatorConfig, host: str = "127.0.0.1", port: int = 0) -> None:
        self.config = config
        self._host = host
        self._port = port
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scvk-simulator", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._served: Served | None = None
        self._error: BaseException | None = None
        self._control: RemoteSimulator | None = None

    @property
    def base_url(self) -> str:
        """What a SaladCloud client takes as its base URL."""
        return self._where.base_url

    @property
    def api_key(self) -> str:
        """The first key of the configuration."""
        return self.config.api_keys[0].key

    @property
    def organization(self) -> str:
        """The first organization."""
        return self.config.organizations[0]

    @property
    def project(self) -> str:
        """The first project."""
        return self.config.projects[0]

    @property
    def control(self) -> RemoteSimulator:
        """Faults, interruptions, the log of requests."""
        if self._control is None:
            self._control = RemoteSimulator(self._where.url)
        return self._control

    @property
    def _where(self) -> Served:
        assert self._served is not None, "enter the simulator first"
        return self._served

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_START_DEADLINE_S):
            raise TimeoutError(f"the simulator did not start within {_START_DEADLINE_S:g} s")
        if self._error is not None:
            self._thread.join()
            raise self._error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._control is not None:
            self._control.__exit__(kind, error, traceback)
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001  whatever it is, the thread that entered us must get it
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        simulator = Simulator(self.config)
        async with simulator, serve(simulator, self._host, self._port) as self._served:
            self._ready.set()
            await self._stop.wait()
