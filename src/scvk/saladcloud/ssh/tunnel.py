"""A connection to a port, as the instance's SSH server makes it."""

from __future__ import annotations

from collections.abc import Callable

import asyncssh

from scvk.saladcloud.ssh.inbound import Inbound, Outbound

_MOST_UNSENT = 512 * 1024


class Tunnel(asyncssh.SSHTCPSession[bytes]):
    """One `direct-tcpip` channel. Its errors are OSErrors, as those of sockets."""

    def __init__(self) -> None:
        self._inbound = Inbound(self._wait)
        self._outbound = Outbound()
        self._is_over = False
        self._failure: Exception | None = None
        self._when_closed: list[Callable[[], None]] = []

    async def read(self) -> bytes:
        """Return some bytes; nothing at the end. Raises ConnectionError where the connection was lost."""
        data = await self._inbound.read()
        if not data and self._failure is not None:
            raise ConnectionResetError("the connection to the instance was lost")
        return data

    async def write(self, data: bytes) -> None:
        """Send bytes; waits while the other side does not read. Raises ConnectionError."""
        if self._is_over:
            raise ConnectionResetError("the other side has closed the connection")
        try:
            self._channel.write(data)
        except OSError:
            raise ConnectionResetError("the other side has closed the connection") from None
        await self._outbound.room()

    def write_eof(self) -> None:
        """Say that nothing more will be sent; reading goes on."""
        if not self._is_over:
            try:
                self._channel.write_eof()
            except OSError:
                pass  # the other side has closed meanwhile

    def close(self) -> None:
        """End the connection, whatever is still on its way."""
        if not self._is_over:
            self._channel.abort()

    def when_closed(self, call: Callable[[], None]) -> None:
        """Call back when the channel is closed; at once where it is."""
        if self._is_over:
            call()
        else:
            self._when_closed.append(call)

    def _wait(self, waits: bool) -> None:
        if self._is_over:
            return
        if waits:
            self._channel.pause_reading()
        else:
            self._channel.resume_reading()

    # -- asyncssh ----------------------------------------------------------------------------------------------------

    def connection_made(self, chan: asyncssh.SSHTCPChannel[bytes]) -> None:
        """The channel is open."""
        self._channel = chan
        chan.set_write_buffer_limits(_MOST_UNSENT)

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:  # noqa: ARG002 - of one kind only
        """Keep it for the reader."""
        self._inbound.put(data)

    def eof_received(self) -> bool:
        """The other side sends no more; ours may go on."""
        self._inbound.end()
        return True

    def pause_writing(self) -> None:
        """The other side does not read."""
        self._outbound.pause()

    def resume_writing(self) -> None:
        """It reads again."""
        self._outbound.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is closed."""
        self._is_over = True
        self._failure = exc
        self._inbound.end()
        self._outbound.resume()
        for call in self._when_closed:
            call()
        self._when_closed.clear()
