"""Containers as local processes, isolated as far as the machine allows."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Sequence
from typing import Any, Literal

from scvk.saladcloud.models.probes import Probe
from scvk.simulator.clock import Timer
from scvk.simulator.runtime.contract import (
    ContainerEvents,
    Launch,
    ProbeOutcome,
    RuntimeUnavailableError,
    Usage,
)
from scvk.simulator.runtime.link import LauncherLink
from scvk.simulator.runtime.probing import run_check
from scvk.simulator.runtime.process_inside import LAUNCHER_GONE, ProcessInside

IsolationMode = Literal["auto", "namespaces", "none"]
"""As well as the machine allows; by namespaces or not at all; plain processes."""

_READ_SIZE = 65536
# After a program's exit its output pipe normally ends at once; a grandchild that kept it open must not
# delay the news.
_DRAIN_DEADLINE_S = 1.0
# A simulated second may be 50 ms at speed 20, but a real program answers in real time: no check gets less
# than this.
_SHORTEST_CHECK_S = 1.0


class ProcessRuntime:
    """Starts programs through the launcher; `speed` is the clock's, for the time-outs of checks."""

    def __init__(self, isolation: IsolationMode = "auto", speed: float = 1.0) -> None:
        self._speed = speed
        self._link = LauncherLink(isolation, self._launcher_lost)
        self._containers: set[_ProcessContainer] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._report: tuple[str, ...] = ()
        self.isolated = False

    @property
    def isolation_report(self) -> Sequence[str]:
        """What is not isolated on this machine."""
        return self._report

    async def open(self) -> None:
        """Start the launcher. Raises RuntimeUnavailableError."""
        hello = await self._link.open()
        if hello["refusal"]:
            await self._link.close()
            raise RuntimeUnavailableError(
                f"this machine does not allow namespaces ({hello['refusal']}), so programs cannot be isolated; "
                "--isolation none runs them as plain processes, --runtime virtual runs none"
            )
        self.isolated = bool(hello["isolated"])
        self._report = tuple(hello["report"])

    async def close(self) -> None:
        """End all programs."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._link.close()
        for container in list(self._containers):
            container.abandon()
        self._containers.clear()

    def start(self, launch: Launch, events: ContainerEvents) -> _ProcessContainer:
        """Start a program; its first process is PID 1 of its own namespace where the machine allows it."""
        container = _ProcessContainer(self._link, launch, events, self._containers.discard, self._check)
        self._containers.add(container)
        container.begin(launch)
        return container

    def _check(
        self,
        container: _ProcessContainer,
        probe: Probe,
        timeout_s: float,
        done: Callable[[ProbeOutcome], None],
    ) -> Timer:
        real_timeout_s = max(timeout_s / self._speed, min(timeout_s, _SHORTEST_CHECK_S))

        async def check() -> None:
            done(await run_check(container, probe, real_timeout_s))

        task = asyncio.get_running_loop().create_task(check())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return _TaskTimer(task)

    def _launcher_lost(self) -> None:
        """The launcher died, and every program with it."""
        for container in list(self._containers):
            container.lost()


class _TaskTimer:
    def __init__(self, task: asyncio.Task[None]) -> None:
        self._task = task

    def cancel(self) -> None:
        self._task.cancel()


Checker = Callable[["_ProcessContainer", Probe, float, Callable[[ProbeOutcome], None]], Timer]


class _ProcessContainer:
    def __init__(
        self,
        link: LauncherLink,
        launch: Launch,
        events: ContainerEvents,
        ended: Callable[[_ProcessContainer], None],
        checker: Checker,
    ) -> None:
        self._link = link
        self._events = events
        self._ended = ended
        self._checker = checker
        self._number = link.new_id(self._receive)
        self.inside = ProcessInside(link, self._number, launch.instance_id, launch.hostname)
        self._output = -1
        self._status: int | None = None
        self._drain_timer: asyncio.TimerHandle | None = None
        self._over = False
        self._env: dict[str, str] = {}
        self._cwd = "/"
        self._began_at = 0.0

    def begin(self, launch: Launch) -> None:
        """Ask the launcher."""
        self._env, self._cwd = dict(launch.env), launch.cwd
        try:
            read_end, write_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            self._fail_later(f"its output cannot be read: {error.strerror}")
            return
        os.set_blocking(write_end, True)
        self._output = read_end
        request = {
            "op": "start",
            "id": self._number,
            "argv": list(launch.argv),
            "env": self._env,
            "cwd": launch.cwd,
            "hostname": launch.hostname,
            "files": dict(launch.files),
            "shm_mib": launch.shm_mib,
            "disk_mib": launch.disk_mib,
            "memory_mib": launch.memory_mib,
            "root": launch.root,
            "needs_root": launch.needs_root,
            "user": launch.user,
        }
        if not self._link.send(request, (write_end,)):
            self._fail_later(LAUNCHER_GONE)
        os.close(write_end)

    def _fail_later(self, reason: str) -> None:
        failure = {"event": "failed", "message": reason}
        asyncio.get_running_loop().call_soon(self._receive, failure, [])

    def signal(self, number: int) -> None:
        """Through the launcher, which knows whether the process still is the one meant."""
        self._link.send({"op": "signal", "id": self._number, "signal": int(number)})

    def check(self, probe: Probe, timeout_s: float, done: Callable[[ProbeOutcome], None]) -> Timer:
        """Check once, in the instance's namespaces."""
        return self._checker(self, probe, timeout_s, done)

    def measure(self, done: Callable[[Usage], None]) -> None:
        """By the launcher, over all processes of the container."""

        def receive(message: dict[str, Any], _fds: list[int]) -> None:
            self._link.forget(number)
            if message["event"] == "usage" and not self._over:
                age_s = asyncio.get_running_loop().time() - self._began_at
                done(Usage(float(message["cpu_s"]), age_s, float(message["memory_mib"])))

        number = self._link.new_id(receive)
        if not self._link.send({"op": "usage", "id": number, "target": self._number}):
            self._link.forget(number)

    async def open_socket(self, family: int, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """A non-blocking socket inside the instance's network. Raises OSError when it does not run."""
        return await self.inside.open_socket(family, kind)

    async def run(self, argv: Sequence[str]) -> int:
        """Run a command inside the instance, its output dropped; its exit status. Raises OSError."""
        loop = asyncio.get_running_loop()
        finished: asyncio.Future[int] = loop.create_future()

        def receive(message: dict[str, Any], _fds: list[int]) -> None:
            if finished.done():
                return
            if message["event"] == "exited":
                finished.set_result(int(message["status"]))
            elif message["event"] == "failed":
                finished.set_exception(OSError(message["message"]))

        number = self._link.new_id(receive)
        sink = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        request = {
            "op": "exec",
            "id": number,
            "target": self._number,
            "argv": list(argv),
            "env": self._env,
            "cwd": self._cwd,
        }
        try:
            if not self._link.send(request, (sink,)):
                raise OSError(LAUNCHER_GONE)
            return await finished
        finally:
            os.close(sink)
            if not finished.done() or finished.cancelled():
                self._link.send({"op": "signal", "id": number, "signal": int(signal.SIGKILL)})
            self._link.forget(number)

    def lost(self) -> None:
        """The launcher is gone: this program was killed."""
        if self._status is None:
            self._receive({"event": "exited", "status": 128 + signal.SIGKILL}, [])

    def abandon(self) -> None:
        """Let go of everything without telling anybody."""
        if self._drain_timer is not None:
            self._drain_timer.cancel()
        self._let_go()

    def _receive(self, message: dict[str, Any], fds: list[int]) -> None:
        match message["event"]:
            case "metadata":
                self.inside.metadata_listener = socket.socket(fileno=fds[0])
            case "started":
                self._began_at = asyncio.get_running_loop().time()
                self._events.started()
                # Not earlier: the program's first words must not be heard before the news of its start.
                if self._output >= 0:
                    asyncio.get_running_loop().add_reader(self._output, self._readable)
            case "failed":
                self._status = 127
                self._let_go()
                self._events.start_failed(str(message["message"]))
            case "disk-exceeded":
                self._events.disk_exceeded()
            case "exited":
                self._status = int(message["status"])
                if self._output < 0:
                    self._finish()
                else:
                    loop = asyncio.get_running_loop()
                    self._drain_timer = loop.call_later(_DRAIN_DEADLINE_S, self._finish)
            case unknown:
                raise ValueError(f"unknown event {unknown!r} of the launcher")

    def _readable(self) -> None:
        try:
            data = os.read(self._output, _READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._events.output(data)
            return
        self._close_output()
        if self._status is not None:
            self._finish()

    def _finish(self) -> None:
        if self._drain_timer is not None:
            self._drain_timer.cancel()
        if self._status is not None and not self._over:
            self._let_go()
            self._events.exited(self._status)

    def _let_go(self) -> None:
        self._over = True
        self._close_output()
        self.inside.close()
        self._link.forget(self._number)
        self._ended(self)

    def _close_output(self) -> None:
        if self._output >= 0:
            asyncio.get_running_loop().remove_reader(self._output)
            os.close(self._output)
            self._output = -1
