"""The simulator's end of the launcher: starts it, sends requests, hands out what comes back."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import scvk
from scvk.simulator.launcher import wire
from scvk.simulator.runtime.contract import RuntimeUnavailableError
from scvk.simulator.runtime.outbox import Outbox

_HELLO_DEADLINE_S = 30.0
_GOODBYE_DEADLINE_S = 10.0
# `-S -E -s`: the launcher needs neither site packages nor anything from the environment. `-X utf8`: words for programs
# are bytes, and come back from text as the same ones whatever the locale is.
_BOOT = """
import sys
sys.path.insert(0, {path!r})
from scvk.simulator.launcher.service import main
sys.exit(main({fd}, {mode!r}))
"""
# Looked up once, at import: where the launcher finds this package without site packages.
_SOURCE = str(Path(scvk.__file__).resolve().parent.parent)

Receiver = Callable[[wire.Message, list[int]], None]


class LauncherLink:
    """One launcher process. Receivers take the messages of their id; `on_lost` is called when it dies."""

    def __init__(self, isolation_mode: str, on_lost: Callable[[], None]) -> None:
        self._mode = isolation_mode
        self._on_lost = on_lost
        self._receivers: dict[int, Receiver] = {}
        self._decoder = wire.Decoder()
        self._next_id = 0
        self._hello: asyncio.Future[wire.Message] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._outbox: Outbox | None = None

    async def open(self) -> wire.Message:
        """Start the launcher and return its hello. Raises RuntimeUnavailableError."""
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        boot = _BOOT.format(path=_SOURCE, fd=theirs.fileno(), mode=self._mode)
        try:
            # Popen and not asyncio's subprocess: nothing is awaited from this process but its socket, and
            # asyncio's child watcher would need a thread or a pidfd for it.
            self._process = subprocess.Popen(  # noqa: ASYNC220
                [sys.executable, "-S", "-E", "-s", "-X", "utf8", "-c", boot],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise RuntimeUnavailableError(f"cannot start the process launcher: {error}") from error
        finally:
            theirs.close()
        self._socket = ours
        self._outbox = Outbox(ours)
        self._hello = loop.create_future()
        loop.add_reader(ours, self._readable)
        try:
            async with asyncio.timeout(_HELLO_DEADLINE_S):
                return await self._hello
        except (TimeoutError, ConnectionError) as error:
            await self.close()
            raise RuntimeUnavailableError("the process launcher did not come up") from error

    async def close(self) -> None:
        """End the launcher, and with it every program, and wait until it is gone."""
        self._hang_up()
        self._decoder.close()
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(_wait, process)

    def new_id(self, receiver: Receiver) -> int:
        """A fresh id whose messages go to `receiver`."""
        self._next_id += 1
        self._receivers[self._next_id] = receiver
        return self._next_id

    def forget(self, number: int) -> None:
        """No message of this id is wanted any more."""
        self._receivers.pop(number, None)

    def send(self, message: wire.Message, fds: tuple[int, ...] = ()) -> bool:
        """Send a request; False when the launcher is gone, so that no answer will come."""
        if self._outbox is None:
            return False
        try:
            self._outbox.put(message, fds)
        except OSError:
            return False  # end of file follows on the reading side
        return True

    def _readable(self) -> None:
        if self._socket is None:
            return
        try:
            data, fds = wire.receive(self._socket)
        except OSError:
            data, fds = b"", []
        if not data:
            self._lost()
            return
        for fd in fds or ():
            os.set_inheritable(fd, False)
        for message, message_fds in self._decoder.feed(data, fds):
            self._deliver(message, message_fds)

    def _deliver(self, message: dict[str, Any], fds: list[int]) -> None:
        if message["event"] == "hello":
            if self._hello is not None and not self._hello.done():
                self._hello.set_result(message)
            return
        receiver = self._receivers.get(message["id"])
        if receiver is None:
            for fd in fds:
                os.close(fd)
            return
        if len(fds) == message.get("fds", 0):
            receiver(message, fds)
        elif message["event"] != "metadata":  # an instance without its metadata service still runs
            receiver({"event": "failed", "id": message["id"], "message": os.strerror(errno.EMFILE)}, [])

    def _hang_up(self) -> None:
        if self._outbox is not None:
            self._outbox.close()
            self._outbox = None
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _lost(self) -> None:
        self._hang_up()
        if self._hello is not None and not self._hello.done():
            self._hello.set_exception(ConnectionError("end of file"))
        else:
            self._on_lost()


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_GOODBYE_DEADLINE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
