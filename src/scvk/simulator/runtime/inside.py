"""What can be done inside a running container from outside: sockets in its network, logins, terminals."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """What a session is to run.

    `kind`: root's login `shell`; `command`, a line for root's shell; `sftp`, an SFTP server. `env` is added
    to the bare environment of a login. `terminal`: its standard input is a terminal, to be its own.
    """

    kind: Literal["shell", "command", "sftp"]
    command: str = ""
    env: Mapping[str, str] | None = None
    terminal: bool = False


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """How a session's first process ended: by `signal`, or with exit `status` (0-255) when that is 0."""

    status: int
    signal: int = 0


@dataclass(frozen=True, slots=True)
class Terminal:
    """A pseudo-terminal of the container's own: descriptors of both ends, and its name there."""

    master: int
    slave: int
    name: str


class Session(Protocol):
    """A session that has begun."""

    @property
    def ended(self) -> asyncio.Future[SessionEnd]:
        """Done when its first process has ended. Its output may still come."""

    def signal(self, number: int) -> None:
        """Signal its process group; without effect when it has ended."""


class Inside(Protocol):
    """The inside of a running container. Each method raises OSError when it does not run any more."""

    @property
    def hostname(self) -> str:
        """Its host name."""

    @property
    def metadata_listener(self) -> socket.socket | None:
        """Where the container reaches its metadata service; None when it has no network of its own."""

    async def open_socket(self, family: int, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """A non-blocking socket in its network."""

    async def open_terminal(self) -> Terminal:
        """A new pseudo-terminal; the caller closes both descriptors."""

    async def log_in(self, login: LoginRequest, streams: tuple[int, int, int]) -> Session:
        """Begin a session with these descriptors as its standard input, output and error.

        They are duplicated: the caller closes its own.
        """
