"""uvicorn's HTTP/1.1 with what a kubelet needs beside it: client certificates, upgrades, and no patience.

A request finds its connection as `request.state.connection`. A connection that is taken over leaves HTTP for good.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from scvk.kubelet.api.byte_stream import UpgradedConnection
from scvk.kubelet.api.strangers import Stranger

PeerCertificate = Mapping[str, Any]
"""As `ssl.SSLSocket.getpeercert` returns it."""


class ApiHttpProtocol(H11Protocol):
    """One connection of the kubelet's API."""

    def __init__(
        self, config: Config, server_state: ServerState, stranger: Stranger, *, request_within_s: float
    ) -> None:
        super().__init__(config, server_state, {"connection": self})
        self._stranger = stranger
        self._request_within_s = request_within_s
        self._impatience: asyncio.TimerHandle | None = None

    # -- for the application ---------------------------------------------------------------------------------------

    def peer_certificate(self) -> PeerCertificate | None:
        """Return the client's certificate, which TLS has verified; None where there is none."""
        return self.transport.get_extra_info("peercert") or None

    def let_in(self) -> None:
        """Say that it is known who calls."""
        self._stranger.leave()

    def take_over(self, headers: Sequence[tuple[str, str]]) -> UpgradedConnection:
        """Answer 101 with these headers to a request for an upgrade, and return the connection."""
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        answer = h11.InformationalResponse(status_code=101, headers=encoded, reason=b"Switching Protocols")
        self.transport.write(self.conn.send(answer))
        self.cycle.disconnected = True  # uvicorn then expects no response
        self.connections.discard(self)
        received, _ = self.conn.trailing_data
        return UpgradedConnection(self.transport, received)

    # -- asyncio.Protocol ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._stranger.end = transport.abort
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Go on with a request, or wait for the rest of its headers."""
        super().data_received(data)
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        if cycle is None or cycle.response_complete:
            self._wait()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up."""
        self._stop_waiting()
        self._stranger.leave()
        super().connection_lost(exc)

    def _should_upgrade(self) -> bool:
        return False  # the application decides, when it knows who asks

    def _wait(self) -> None:
        if self._impatience is None:
            self._impatience = self.loop.call_later(self._request_within_s, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None
