"""What is known of a group: what the listing, the events, the instance and the log of an end say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from scvk.provider.last_words import LastWords
from scvk.provider.timeline import EventKind, PlatformEvent
from scvk.saladcloud.models import ContainerGroup, ContainerGroupInstance


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of a group, from four sources. `instance` is None where it was not asked for.

    `words` is what logs told of ends of the program, by their time; see `last_words`.
    """

    group: ContainerGroup
    events: Sequence[PlatformEvent] = ()
    instance: ContainerGroupInstance | None = None
    instance_at: datetime | None = None
    words: Mapping[datetime, LastWords] = field(default_factory=dict)

    def fresh_instance(self) -> ContainerGroupInstance | None:
        """Return the instance if it was asked for after the program last came or went: an older answer is over."""
        asked = self.instance_at
        turn = self.last_turn()
        return self.instance if asked is not None and (turn is None or asked >= turn.time) else None

    def last_turn(self) -> PlatformEvent | None:
        """Return the newest event with which the program came or went."""
        return next((event for event in reversed(self.events) if event.kind in _TURNING), None)

    def last_progress(self) -> PlatformEvent | None:
        """Return the newest step on the way up since the program last came or went."""
        for event in reversed(self.events):
            if event.kind in _TURNING:
                return None
            if event.kind is EventKind.PROGRESS:
                return event
        return None


_TURNING = frozenset({EventKind.RUNNING, EventKind.EXITED, EventKind.START_FAILED, EventKind.MOVED})
