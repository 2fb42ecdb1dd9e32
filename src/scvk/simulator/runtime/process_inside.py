"""The inside of a container that is a local process, reached through the launcher."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from typing import Any

from scvk.simulator.runtime.inside import LoginRequest, Session, SessionEnd, Terminal
from scvk.simulator.runtime.link import LauncherLink

LAUNCHER_GONE = "the simulator's process launcher is gone"


class ProcessInside:
    """Through the launcher; `target` is the container's number there."""

    def __init__(self, link: LauncherLink, target: int, instance_id: str, hostname: str) -> None:
        self._link = link
        self._target = target
        self._instance_id = instance_id
        self.hostname = hostname
        self._sessions: set[_ProcessSession] = set()
        self._questions: set[asyncio.Future[Any]] = set()
        self.metadata_listener: socket.socket | None = None

    async def open_socket(self, family: int, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """A non-blocking socket in its network. Raises OSError when it does not run."""
        _, fds = await self._ask({"op": "socket", "family": int(family), "kind": int(kind)})
        sock = socket.socket(fileno=fds[0])
        sock.setblocking(False)
        return sock

    async def open_terminal(self) -> Terminal:
        """A new pseudo-terminal. Raises OSError when it does not run."""
        message, fds = await self._ask({"op": "terminal"})
        return Terminal(fds[0], fds[1], str(message["name"]))

    async def log_in(self, login: LoginRequest, streams: tuple[int, int, int]) -> Session:
        """Begin a session. Raises OSError when nothing was started."""
        session = _ProcessSession(self._link)
        request = {
            "op": "session",
            "id": session.number,
            "target": self._target,
            "instance_id": self._instance_id,
            "kind": login.kind,
            "command": login.command,
            "env": dict(login.env or {}),
            "terminal": login.terminal,
        }
        if not self._link.send(request, streams):
            session.abandon()
            raise OSError(LAUNCHER_GONE)
        self._questions.add(session.begun)
        try:
            await session.begun
        except BaseException:
            session.abandon()  # what begins nevertheless finds its streams closed
            raise
        finally:
            self._questions.discard(session.begun)
        self._sessions.add(session)
        session.ended.add_done_callback(lambda _: self._sessions.discard(session))
        return session

    def close(self) -> None:
        """The container is no more, and no process in it; also when the launcher cannot say so any more."""
        for session in list(self._sessions):
            session.killed()
        for question in list(self._questions):
            if not question.done():
                question.set_exception(OSError(LAUNCHER_GONE))
        if self.metadata_listener is not None:
            self.metadata_listener.close()
            self.metadata_listener = None

    async def _ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], list[int]]:
        answer: asyncio.Future[tuple[dict[str, Any], list[int]]] = asyncio.get_running_loop().create_future()

        def receive(message: dict[str, Any], fds: list[int]) -> None:
            if answer.done():
                for fd in fds:
                    os.close(fd)
            else:
                answer.set_result((message, fds))

        number = self._link.new_id(receive)
        self._questions.add(answer)
        try:
            if not self._link.send({**request, "id": number, "target": self._target}):
                raise OSError(LAUNCHER_GONE)
            message, fds = await answer
        finally:
            self._questions.discard(answer)
            self._link.forget(number)
        if message["event"] == "failed":
            raise OSError(message["message"])
        return message, fds


class _ProcessSession:
    """Listens to what the launcher tells of one session, until it has ended."""

    def __init__(self, link: LauncherLink) -> None:
        loop = asyncio.get_running_loop()
        self._link = link
        self.number = link.new_id(self._receive)
        self.begun: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[SessionEnd] = loop.create_future()

    def signal(self, number: int) -> None:
        """Its process group gets it."""
        if not self.ended.done():
            self._link.send({"op": "signal", "id": self.number, "signal": int(number)})

    def killed(self) -> None:
        """As all processes of a container are, when its first one ends."""
        self.abandon()
        if not self.ended.done():
            self.ended.set_result(SessionEnd(128 + signal.SIGKILL, signal.SIGKILL))

    def abandon(self) -> None:
        """Nobody listens any more."""
        self._link.forget(self.number)

    def _receive(self, message: dict[str, Any], _fds: list[int]) -> None:
        match message["event"]:
            case "started":
                if not self.begun.done():
                    self.begun.set_result(None)
            case "failed":
                self.abandon()
                if not self.begun.done():
                    self.begun.set_exception(OSError(message["message"]))
            case "exited":
                self.abandon()
                if not self.ended.done():
                    self.ended.set_result(SessionEnd(int(message["status"]), int(message["signal"])))
            case unknown:
                raise ValueError(f"unknown event {unknown!r} of the launcher")
