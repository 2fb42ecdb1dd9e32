"""How simulator and launcher talk: length-prefixed JSON and descriptors over a Unix stream socket.

A message is 4 bytes of length (big endian), then UTF-8 JSON. `"fds": n` says how many descriptors belong to
it; they travel in order (SCM_RIGHTS) and are taken from a queue, because a stream may deliver them earlier
than the last byte of their message. A datagram socket would be simpler, but the environment of a container
can exceed its packet size.

To the launcher (`id` is chosen by the simulator, one per program):
    {"op": "start", "id", "argv", "env", "cwd", "hostname", "files", "shm_mib", "disk_mib",
     "memory_mib", "root", "needs_root", "user"}                                               fds: [output]
    {"op": "exec", "id", "target", "argv", "env", "cwd"}                                        fds: [output]
    {"op": "session", "id", "target", "instance_id", "kind", "command", "env", "terminal"}
                                                              fds: [input, output, error]
    {"op": "signal", "id", "signal"}                      the whole process group of a session or exec gets it
    {"op": "socket", "id", "target", "family", "kind"}
    {"op": "terminal", "id", "target"}
    {"op": "usage", "id", "target"}
From the launcher:
    {"event": "hello", "isolated": bool, "report": [str], "refusal": str}
    {"event": "started", "id", "pid"}
    {"event": "failed", "id", "message"}                  nothing was started
    {"event": "exited", "id", "status", "signal"}         0-255, or 128 + signal; the signal or 0
    {"event": "socket", "id"}                             fds: [socket]
    {"event": "terminal", "id", "name"}                   fds: [master, slave]
    {"event": "metadata", "id"}                           fds: [socket that listens], before "started"
    {"event": "usage", "id", "cpu_s", "memory_mib"}
    {"event": "disk-exceeded", "id"}                      it runs on; may be repeated
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections import deque
from typing import Any

_LENGTH = struct.Struct(">I")
_CHUNK = 65536
# Linux refuses more than 253 descriptors in one message (SCM_MAX_FD); ours carry at most a few.
_MAX_FDS = 64

Message = dict[str, Any]


class Decoder:
    """Bytes and descriptors in, messages out."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        # None stands for those of one message that this process had no room for.
        self._fds: deque[int | None] = deque()

    def feed(self, data: bytes, fds: list[int] | None) -> list[tuple[Message, list[int]]]:
        """Take what one receive gave; return the messages now complete, with their descriptors.

        A message whose descriptors were lost (`receive`) comes without any.
        """
        self._buffer += data
        self._fds.extend([None] if fds is None else fds)
        complete: list[tuple[Message, list[int]]] = []
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                break
            message: Message = json.loads(bytes(self._buffer[_LENGTH.size : end]))
            del self._buffer[:end]
            complete.append((message, self._take(message.get("fds", 0))))
        return complete

    def _take(self, count: int) -> list[int]:
        taken: list[int] = []
        while len(taken) < count:
            fd = self._fds.popleft()
            if fd is None:
                break
            taken.append(fd)
        return taken

    def close(self) -> None:
        """Close descriptors whose message never came."""
        while self._fds:
            fd = self._fds.popleft()
            if fd is not None:
                os.close(fd)


def receive(sock: socket.socket) -> tuple[bytes, list[int] | None]:
    """One receive: bytes (empty at end of stream) and the descriptors that came with them.

    They are of one message (Linux ends a receive there), and None when this process may not open so many more.
    """
    try:
        data, fds, flags, _ = socket.recv_fds(sock, _CHUNK, _MAX_FDS)
    except ConnectionResetError:
        return b"", []  # the other side was killed before it had read everything
    if not flags & socket.MSG_CTRUNC:
        return data, list(fds)
    for fd in fds:
        os.close(fd)
    return data, None


def packed(message: Message, fds: int = 0) -> bytes:
    """The message as it travels; `fds` descriptors belong to it and go with its first byte."""
    if fds:
        message = {**message, "fds": fds}
    payload = json.dumps(message).encode()
    return _LENGTH.pack(len(payload)) + payload


def send(sock: socket.socket, message: Message, fds: tuple[int, ...] = ()) -> None:
    """Send one message whole over a blocking socket. Descriptors are duplicated, the caller keeps its own."""
    data = memoryview(packed(message, len(fds)))
    sent = socket.send_fds(sock, [data], list(fds)) if fds else sock.send(data)
    if sent < len(data):
        sock.sendall(data[sent:])
