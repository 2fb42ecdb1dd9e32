"""The seam between the platform and what runs its containers.

Everything is a call or a callback on the event loop's thread; nothing here is awaited, so that the
platform's state machines stay synchronous and run on any clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from scvk.saladcloud.models.probes import Probe
from scvk.simulator.clock import Timer
from scvk.simulator.runtime.inside import Inside


@dataclass(frozen=True, slots=True)
class Launch:
    """One container to start.

    `argv` is empty when neither the group nor the image says what to run: that fails to start. `env` is all it
    gets. `root` is the directory of the image's root file system, None for the host's; an image that does not
    need it (`needs_root`) may run on the host's instead. `user` is `name|uid[:group|gid]`, empty for root. `files` maps
    absolute paths to texts laid over the root, executable ones begin with #!. `shm_mib` >= 64, `disk_mib` and
    `memory_mib` are the most it may use, in MiB.
    """

    instance_id: str
    image: str
    argv: Sequence[str]
    env: Mapping[str, str]
    hostname: str
    cwd: str = "/"
    root: str | None = None
    needs_root: bool = False
    user: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    shm_mib: int = 64
    disk_mib: int = 1024
    memory_mib: int = 1024


class ContainerEvents(Protocol):
    """What the platform hears of a container: `start_failed`, or `started`, output and then `exited`."""

    def started(self) -> None:
        """The program is executing."""

    def start_failed(self, reason: str) -> None:
        """Nothing was started; no other call follows."""

    def output(self, data: bytes) -> None:
        """Bytes of stdout or stderr, in order."""

    def disk_exceeded(self) -> None:
        """It wrote more than it may; it goes on until somebody ends it."""

    def exited(self, status: int) -> None:
        """The program ended, all its output was delivered; 0-255, 128 + signal when a signal ended it."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a running container uses: processor seconds and real seconds since its start, MiB of memory now."""

    cpu_s: float
    age_s: float
    memory_mib: float


@dataclass(frozen=True, slots=True)
class ProbeOutcome:
    """One check: `reason` tells a person why it failed."""

    success: bool
    reason: str = ""


class Container(Protocol):
    """A container that was asked for."""

    @property
    def inside(self) -> Inside | None:
        """What can be done inside it while it runs; None for one that is only a script."""

    def signal(self, number: int) -> None:
        """Signal its first process; nothing happens when it has ended. SIGKILL ends all its processes."""

    def check(self, probe: Probe, timeout_s: float, done: Callable[[ProbeOutcome], None]) -> Timer:
        """Check once, inside the container; `done` is called once, later, unless cancelled.

        `timeout_s` is in simulated seconds.
        """

    def measure(self, done: Callable[[Usage], None]) -> None:
        """Measure now; `done` is called once, at once or later, or never when the container has ended."""


class Runtime(Protocol):
    """Starts containers. Used between `open` and `close`."""

    @property
    def isolation_report(self) -> Sequence[str]:
        """What is not isolated on this machine, for people; empty when all is. Known after `open`."""

    async def open(self) -> None:
        """Get ready. Raises RuntimeUnavailableError."""

    async def close(self) -> None:
        """End every container and return when none is left. May be repeated."""

    def start(self, launch: Launch, events: ContainerEvents) -> Container:
        """Start a container; what becomes of it is told through `events`, never before this returns."""


class RuntimeUnavailableError(Exception):
    """This machine cannot run containers as was asked; the message is one line for the user."""
