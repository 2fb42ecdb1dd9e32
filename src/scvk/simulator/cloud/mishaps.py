"""What can go wrong on the platform by somebody's wish: the seam through which faults reach it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from scvk.simulator.cloud.definition import Definition


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of an event: lost, seen `late_s` simulated seconds after it happened, or dated `early_s` before."""

    lost: bool = False
    late_s: float = 0.0
    early_s: float = 0.0


USUAL = Fate()


class Mishaps(Protocol):
    """Asked at each event, pull and search for a machine."""

    def fate(self, group_name: str, event: str) -> Fate:
        """What becomes of this event on its way to the logs."""

    def pull_error(self, definition: Definition) -> str | None:
        """Why the image cannot be pulled this time; None when it can."""

    def capacity_left(self, definition: Definition) -> bool:
        """Whether a machine can be found this time."""

    def out_of_capacity(self, gpu_classes: frozenset[str]) -> bool:
        """Whether there is no machine with one of these GPU classes (ids); an empty set asks for machines without."""


class NoMishaps:
    """A platform on a good day."""

    def fate(self, group_name: str, event: str) -> Fate:  # noqa: ARG002  the protocol's signature
        """Seen at once."""
        return USUAL

    def pull_error(self, definition: Definition) -> str | None:  # noqa: ARG002
        """None."""
        return None

    def capacity_left(self, definition: Definition) -> bool:  # noqa: ARG002
        """True."""
        return True

    def out_of_capacity(self, gpu_classes: frozenset[str]) -> bool:  # noqa: ARG002
        """False."""
        return False


NO_MISHAPS = NoMishaps()
