"""The seam between an instance and the ways into it: what is told when its program begins and ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from scvk.simulator.runtime.inside import Inside

if TYPE_CHECKING:
    from scvk.simulator.cloud.instance import Instance


@dataclass(frozen=True, slots=True)
class SshAddress:
    """Where an instance can be logged into: an IPv4 address, a port (1-65535), `SHA256:` and a hash."""

    ip: str
    port: int
    host_key_fingerprint: str


class Doors(Protocol):
    """Opens and closes the ways into instances. Neither method waits or raises."""

    def open(self, instance: Instance, inside: Inside) -> None:
        """The instance's program has begun to run."""

    def close(self, instance: Instance) -> None:
        """It has ended, or nobody shall get in any more. May come without `open`, and repeatedly."""


class NoDoors:
    """Nobody gets in."""

    def open(self, instance: Instance, inside: Inside) -> None:
        """Nothing."""

    def close(self, instance: Instance) -> None:
        """Nothing."""


class AllDoors:
    """Several kinds of doors as one; closed in the reverse order of their opening."""

    def __init__(self, *doors: Doors) -> None:
        self._doors = doors

    def open(self, instance: Instance, inside: Inside) -> None:
        """Each of them."""
        for door in self._doors:
            door.open(instance, inside)

    def close(self, instance: Instance) -> None:
        """Each of them."""
        for door in reversed(self._doors):
            door.close(instance)
