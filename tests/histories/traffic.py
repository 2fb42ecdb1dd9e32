"""All that went over the wires of a history, as one number: two histories with the same digest were the same."""

from __future__ import annotations

import hashlib

from tests.histories.virtual_time import monotonic


class Traffic:
    """Adds up what is sent. `tell` is called with each piece, where somebody wants to see it."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()
        self.pieces = 0

    def note(self, what: str, content: bytes = b"") -> None:
        """Add a request, an answer or a part of one, with the moment at which it was sent."""
        self.pieces += 1
        self._sum.update(f"{monotonic():.6f} {what} {len(content)}\n".encode())
        self._sum.update(content)

    @property
    def digest(self) -> str:
        """What it comes to so far."""
        return self._sum.hexdigest()[:16]
