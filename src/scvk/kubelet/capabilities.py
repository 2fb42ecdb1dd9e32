"""What a provider may be able to do beside running pods: each a protocol of its own, to be implemented or left out.

The kubelet's API says in words what a provider cannot do. None of these methods changes a pod.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from lightkube.resources.core_v1 import Pod

from scvk.kubelet.api.terminal_size import TerminalSize
from scvk.kubelet.exposition import Family
from scvk.kubelet.log_source import LogSource
from scvk.kubelet.usage_source import UsageSource

__all__ = [
    "Capabilities",
    "CommandRunner",
    "CommandStreams",
    "NotPossible",
    "PortConnection",
    "PortForwarder",
    "RemoteCommand",
    "TerminalSize",
]


class NotPossible(Exception):
    """What was asked for cannot be done now; the text is for the person who asked, and says why and what to do."""


@dataclass(frozen=True, slots=True)
class RemoteCommand:
    """A command to run beside a container's program. With `tty`, standard error comes with standard output."""

    words: tuple[str, ...]
    stdin: bool = False
    tty: bool = False


class CommandStreams(Protocol):
    """The client's ends of a command's streams. Writing waits while the client does not read."""

    async def read_stdin(self) -> bytes:
        """Return some input; nothing at its end."""
        ...

    async def write_stdout(self, data: bytes) -> None:
        """Pass on output."""
        ...

    async def write_stderr(self, data: bytes) -> None:
        """Pass on errors."""
        ...

    async def next_size(self) -> TerminalSize | None:
        """Return the next size of the terminal; None when none will come."""
        ...


class CommandRunner(Protocol):
    """Can run commands in a container."""

    async def run(self, pod: Pod, container: str, command: RemoteCommand, streams: CommandStreams, /) -> int:
        """Run a command and return its exit code when it ended and all its output is passed on.

        Cancelled when the client has gone: the command is then ended. Raises NotPossible.
        """
        ...


class PortConnection(Protocol):
    """A connection to a port of a container."""

    async def read(self) -> bytes:
        """Return some bytes; nothing at the end. Raises OSError."""
        ...

    async def write(self, data: bytes) -> None:
        """Send bytes; waits while the other side does not read. Raises OSError."""
        ...

    def write_eof(self) -> None:
        """Say that nothing more will be sent; reading goes on."""
        ...

    def close(self) -> None:
        """End the connection, whatever is still on its way."""
        ...


class PortForwarder(Protocol):
    """Can connect to ports of a container."""

    async def connect(self, pod: Pod, port: int, /) -> PortConnection:
        """Connect to a port as seen from inside. Raises NotPossible, also where the port refuses."""
        ...


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do; None where it cannot.

    `metrics`: its own, for `/metrics`. `ailment`: in words why it cannot do its work, None while it can. Both cost
    nothing and never wait.
    """

    logs: LogSource | None = None
    commands: CommandRunner | None = None
    ports: PortForwarder | None = None
    usage: UsageSource | None = None
    metrics: Callable[[], Iterable[Family]] | None = None
    ailment: Callable[[], str | None] | None = None
