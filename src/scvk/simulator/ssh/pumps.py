"""Bytes between an SSH channel and the descriptors of a process, with back-pressure in both directions.

Nothing is read that the other side does not want yet: a full pipe stops the channel's window, a full
channel stops the reading from the pipe.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections import deque
from collections.abc import Callable

_READ_SIZE = 128 * 1024
# Written bytes that a process has not taken yet, beyond which its channel is asked to pause.
_MOST_WAITING = 256 * 1024


class OutputPump:
    """From a descriptor to `write`, until end of file; `done` is told then. Owns the descriptor."""

    def __init__(self, fd: int, write: Callable[[bytes], None], done: Callable[[], None]) -> None:
        self._fd = fd
        self._write = write
        self._done = done
        self._paused = True
        os.set_blocking(fd, False)

    @property
    def is_open(self) -> bool:
        """Whether there may be more."""
        return self._fd >= 0

    def resume(self) -> None:
        """Read on."""
        if self._fd >= 0 and self._paused:
            self._paused = False
            asyncio.get_running_loop().add_reader(self._fd, self._readable)

    def pause(self) -> None:
        """Read no more for now."""
        if self._fd >= 0 and not self._paused:
            self._paused = True
            asyncio.get_running_loop().remove_reader(self._fd)

    def drain(self) -> None:
        """Pass on what is there without waiting, as far as it is wanted, and end."""
        while self._fd >= 0:
            data = self._read()
            if not data:
                break
            self._write(data)
        self.close()

    def close(self) -> None:
        """Let go of the descriptor; `done` is not told."""
        if self._fd >= 0:
            self.pause()
            os.close(self._fd)
            self._fd = -1

    def _readable(self) -> None:
        data = self._read()
        if data is None:
            return
        if data:
            self._write(data)
        else:
            self.close()
            self._done()

    def _read(self) -> bytes | None:
        """None when nothing is there yet, empty at the end."""
        try:
            return os.read(self._fd, _READ_SIZE)
        except BlockingIOError:
            return None
        except OSError:
            return b""  # EIO: the last process has left a terminal


class InputPump:
    """From `feed` to a descriptor; `want` is told whether more is wanted. Owns the descriptor.

    A process that no longer reads loses what is fed, as with sshd.
    """

    def __init__(self, fd: int, want: Callable[[bool], None], *, ends: bool) -> None:
        self._fd = fd
        self._want = want
        self._ends = ends
        self._waiting: deque[memoryview] = deque()
        self._size = 0
        self._full = False
        self._ending = False
        os.set_blocking(fd, False)

    @property
    def is_full(self) -> bool:
        """Whether more should wait."""
        return self._full

    def feed(self, data: bytes) -> None:
        """Write, now or when there is room."""
        if self._fd < 0:
            return
        self._waiting.append(memoryview(data))
        self._size += len(data)
        if len(self._waiting) == 1 and self._flush():
            asyncio.get_running_loop().add_writer(self._fd, self._writable)
        self._tell()

    def end(self) -> None:
        """End of file once all is written; a terminal has none."""
        self._ending = self._ends
        if self._ending and not self._waiting:
            self.close()

    def close(self) -> None:
        """Let go of the descriptor; what waits is lost."""
        if self._fd >= 0:
            asyncio.get_running_loop().remove_writer(self._fd)
            os.close(self._fd)
            self._fd = -1
            self._waiting.clear()
            self._size = 0
            self._tell()

    def _writable(self) -> None:
        if not self._flush() and self._fd >= 0:
            asyncio.get_running_loop().remove_writer(self._fd)
            if self._ending:
                self.close()
        self._tell()

    def _flush(self) -> bool:
        """Write what there is room for; whether something still waits."""
        while self._waiting:
            try:
                written = os.write(self._fd, self._waiting[0])
            except BlockingIOError:
                return True
            except OSError as error:
                if error.errno not in {errno.EPIPE, errno.EIO}:
                    raise
                self.close()
                return False
            self._size -= written
            if written < len(self._waiting[0]):
                self._waiting[0] = self._waiting[0][written:]
            else:
                self._waiting.popleft()
        return False

    def _tell(self) -> None:
        full = self._size > _MOST_WAITING
        if full != self._full:
            self._full = full
            self._want(not full)
