"""Connections whose callers are not known yet: few, and none can keep others out.

A handshake that stands still, or a client that does not say who it is, costs a place here until it is cut off for its
slowness. Where all places are taken, the oldest connection of the network that has most of them gives way: somebody
who fills them is in his own way first, and a client that is quick, as the API server is, gets in.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable

MOST_STRANGERS = 128
_PREFIX_OF_IPV6 = 64
"""What one machine may choose its addresses from."""


def network_of(address: str) -> str:
    """Return what counts as one place that callers come from: an IPv4 address, or a /64 of IPv6."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), _PREFIX_OF_IPV6), strict=False))


class Stranger:
    """One connection. `end` cuts it off, in whatever state it is."""

    def __init__(self, strangers: Strangers, network: str, end: Callable[[], object]) -> None:
        self._strangers = strangers
        self.network = network
        self.end = end

    def leave(self) -> None:
        """Be one no longer: the caller is known, or the connection has gone. May be repeated."""
        self._strangers.remove(self)


class Strangers:
    """All of them, the oldest first."""

    def __init__(self, most: int = MOST_STRANGERS) -> None:
        self._most = most
        self._all: dict[Stranger, None] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._all)

    def enter(self, network: str, end: Callable[[], object]) -> Stranger:
        """Add one, for which another may have to go."""
        while len(self._all) >= self._most:
            counts = Counter(stranger.network for stranger in self._all)
            fullest = max(counts.values())
            victim = next(stranger for stranger in self._all if counts[stranger.network] == fullest)
            del self._all[victim]
            victim.end()
        stranger = Stranger(self, network, end)
        self._all[stranger] = None
        return stranger

    def remove(self, stranger: Stranger) -> None:
        """Take one out, if it is still there."""
        self._all.pop(stranger, None)
