"""A command on an instance: its streams with back-pressure, and how it ended."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import asyncssh

from scvk.saladcloud.ssh.errors import ConnectionLost
from scvk.saladcloud.ssh.inbound import Inbound, Outbound

_MOST_UNSENT = 512 * 1024
_SIGNALLED = 128
"""What shells add to a signal's number."""


class RemoteProcess(asyncssh.SSHClientSession[bytes]):
    """One session channel. asyncssh calls the methods that are its; the others are for the user."""

    def __init__(self) -> None:
        self._stdout = Inbound(self._wait)
        self._stderr = Inbound(self._wait)
        self._outbound = Outbound()
        self._exit_code: int | None = None
        self.is_open = False
        """Whether the channel was opened: from then on the command may be on its way."""
        self._ended = asyncio.Event()
        self._on_end: list[Callable[[], None]] = []

    async def read_stdout(self) -> bytes:
        """Return some output; nothing at its end."""
        return await self._stdout.read()

    async def read_stderr(self) -> bytes:
        """Return some error output; nothing at its end, and nothing at all with a terminal."""
        return await self._stderr.read()

    async def write(self, data: bytes) -> None:
        """Send input; waits while the command does not read. Raises ConnectionLost when it has ended."""
        if self._ended.is_set():
            raise ConnectionLost("the command has ended")
        try:
            self._channel.write(data)
        except OSError:
            raise ConnectionLost("the command has ended") from None
        await self._outbound.room()

    def write_eof(self) -> None:
        """Say that no more input will come."""
        if not self._ended.is_set():
            try:
                self._channel.write_eof()
            except OSError:
                pass  # it has ended meanwhile

    def resize(self, columns: int, rows: int) -> None:
        """Tell the terminal's new size."""
        if not self._ended.is_set():
            self._channel.change_terminal_size(columns, rows)

    async def exit_code(self) -> int:
        """Wait for the end; 128 and the signal's number where one ended it. Raises ConnectionLost where nobody said."""
        await self._ended.wait()
        if self._exit_code is None:
            raise ConnectionLost("the connection to the instance ended before the command did")
        return self._exit_code

    @property
    def has_ended(self) -> bool:
        """Say whether the command's end is known."""
        return self._exit_code is not None

    def close(self) -> None:
        """Hang up. A command without a terminal is not ended by that."""
        if not self._ended.is_set():
            self._channel.abort()

    def when_ended(self, call: Callable[[], None]) -> None:
        """Call back when the channel is closed; at once where it is."""
        if self._ended.is_set():
            call()
        else:
            self._on_end.append(call)

    def _wait(self, _: bool) -> None:
        if self._ended.is_set():
            return
        if self._stdout.is_full or self._stderr.is_full:
            self._channel.pause_reading()
        else:
            self._channel.resume_reading()

    # -- asyncssh ----------------------------------------------------------------------------------------------------

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """The channel is open."""
        self.is_open = True
        self._channel = chan
        chan.set_write_buffer_limits(_MOST_UNSENT)

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """Keep it for the reader."""
        (self._stderr if datatype == asyncssh.EXTENDED_DATA_STDERR else self._stdout).put(data)

    def eof_received(self) -> bool:
        """All output is here; the exit code may come later."""
        self._stdout.end()
        self._stderr.end()
        return True

    def exit_status_received(self, status: int) -> None:
        """It ended by itself."""
        self._exit_code = status & 0xFF

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:  # noqa: ARG002
        """A signal ended it."""
        self._exit_code = _SIGNALLED + _signal_number(signal)

    def pause_writing(self) -> None:
        """The command does not read."""
        self._outbound.pause()

    def resume_writing(self) -> None:
        """It reads again."""
        self._outbound.resume()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it ended makes no difference
        """The channel is closed."""
        self._ended.set()
        self._stdout.end()
        self._stderr.end()
        self._outbound.resume()
        for call in self._on_end:
            call()
        self._on_end.clear()


def _signal_number(name: str) -> int:
    try:
        return int(signal.Signals[f"SIG{name}"])
    except KeyError:
        return 127  # a signal of the server's own: it did end badly
