"""Messages on their way to the launcher: in order, and never waited for.

INVARIANT: the simulator's end of the control socket never blocks. The launcher's does; were both to wait for the
other to read, neither ever would, and the simulator would hang with all its instances.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections import deque

from scvk.simulator.launcher import wire


class Outbox:
    """Writes to `sock` on the running event loop."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        # What was not taken yet, and copies of the descriptors that go with its first byte.
        self._waiting: deque[tuple[memoryview, tuple[int, ...]]] = deque()

    def put(self, message: wire.Message, fds: tuple[int, ...] = ()) -> None:
        """Send now, or when there is room; the caller keeps the descriptors. Raises OSError when nobody reads any more.

        Also raised where a descriptor cannot be copied; nothing of the message is sent then.
        """
        data = memoryview(wire.packed(message, len(fds)))
        if self._waiting:
            self._waiting.append((data, _copies(fds)))
            return
        sent = self._try(data, fds)
        if sent < len(data):
            self._waiting.append((data[sent:], () if sent else _copies(fds)))
            asyncio.get_running_loop().add_writer(self._socket, self._flush)

    def close(self) -> None:
        """Send no more; what waits is lost."""
        if self._waiting:
            asyncio.get_running_loop().remove_writer(self._socket)
        while self._waiting:
            _close(self._waiting.popleft()[1])

    def _flush(self) -> None:
        while self._waiting:
            data, fds = self._waiting[0]
            try:
                sent = self._try(data, fds)
            except OSError:
                self.close()  # the launcher is gone, which the reading side learns too
                return
            if not sent:
                return
            _close(fds)
            if sent < len(data):
                self._waiting[0] = data[sent:], ()
                return
            self._waiting.popleft()
        asyncio.get_running_loop().remove_writer(self._socket)

    def _try(self, data: memoryview, fds: tuple[int, ...]) -> int:
        """How many bytes were taken; the descriptors go with the first. Raises OSError."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack(f"{len(fds)}i", *fds))] if fds else []
        try:
            # Not socket.send_fds, which forgets its flags (Python 3.11).
            return self._socket.sendmsg([data], rights, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0


def _copies(fds: tuple[int, ...]) -> tuple[int, ...]:
    copies: list[int] = []
    try:
        copies.extend(os.dup(fd) for fd in fds)
    except OSError:
        _close(tuple(copies))
        raise
    return tuple(copies)


def _close(fds: tuple[int, ...]) -> None:
    for fd in fds:
        os.close(fd)
