"""Chooses free TCP ports on 127.0.0.1.

They come from below the range that Linux gives to outgoing connections (32768 and up): such a connection
would otherwise take the API server's port while that is stopped for a while. Between choosing and listening
another program may take one all the same; whoever starts the programs tries again with other ports then.
"""

from __future__ import annotations

import random
import socket

FIRST, LAST = 20_000, 29_999
"""Also below 30000, where node ports of Services begin: a port in a manifest is never one of ours."""


def free_ports(count: int, chance: random.Random | None = None) -> list[int]:
    """`count` different ports that nobody listens on now. OSError when a thousand tries find too few."""
    chance = chance or random.Random()
    found: list[int] = []
    for _ in range(1000):
        port = chance.randint(FIRST, LAST)
        if port not in found and _is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"no {count} free ports among {FIRST} to {LAST} on 127.0.0.1")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
