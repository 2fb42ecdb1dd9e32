"""Flow control (draft 3, section 2.6.8), and peers that have none.

Each side may have so many bytes of a stream on their way. A peer that keeps to this tells so by its first
WINDOW_UPDATE or by settings. Go's spdystream, which kubectl and the API server use, neither sends updates nor looks
at them: who waited for one would hang after 64 KiB. So where a window is used up, and the peer has never shown that
it has windows, it is sent a ping: if the answer comes, all that was sent before has been read, and still no update
came, there will never be one.
"""

from __future__ import annotations

from dataclasses import dataclass

from scvk.kubelet.api.spdy.errors import SpdyError

DEFAULT_WINDOW = 64 * 1024
"""The initial window of SPDY/3."""
MAX_WINDOW = (1 << 31) - 1


@dataclass(slots=True)
class SendWindow:
    """How much may still be sent on one stream; below 0 after the peer made its initial window smaller."""

    room: int

    def take(self, size: int) -> None:
        """Count bytes that are sent."""
        self.room -= size

    def widen(self, delta: int) -> None:
        """Add what the peer has room for; raises SpdyError beyond the largest window."""
        self.room += delta
        if self.room > MAX_WINDOW:
            raise SpdyError("a window beyond 2³¹-1 bytes")


@dataclass(slots=True)
class ReceiveWindow:
    """Bytes that were consumed, and not yet given back to the peer."""

    size: int
    consumed: int = 0

    def consume(self, size: int) -> int:
        """Count consumed bytes; return what to give back now, or 0: small portions are gathered."""
        self.consumed += size
        if self.consumed * 4 < self.size:
            return 0
        delta, self.consumed = self.consumed, 0
        return delta
