"""Faults on demand: what is to go wrong, for which requests or events, how often."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Literal

import msgspec


class FaultKind(StrEnum):
    """What goes wrong; the first group hits requests, the second answers, the third the platform itself."""

    STATUS = "status"
    """A problem body with `status` (500)."""
    HTML = "html"
    """An HTML page, as from the edge in front of the API, with `status` (502)."""
    HANG = "hang"
    """Nothing, for `seconds` or until the client gives up."""
    DROP = "drop"
    """The connection is cut."""
    GARBAGE = "garbage"
    """Status 200 and a body that is no JSON."""

    LATENCY = "latency"
    """The right answer, `seconds` late."""
    UNKNOWN_FIELDS = "unknown-fields"
    """Every object of the answer has a member that no document names."""
    UNKNOWN_ENUMS = "unknown-enums"
    """States, statuses, severities and priorities have a value that no document names."""
    STALE = "stale"
    """Listings and groups as they were answered before, at most `seconds` old (for ever)."""
    CUT = "cut"
    """Listings of groups end after `limit` (100)."""
    NO_ENVIRONMENT = "no-environment"
    """Groups are shown without their `environment_variables`."""

    EVENTS_LATE = "events-late"
    """Events can be seen only `seconds` after they happened."""
    EVENTS_DISORDERED = "events-disordered"
    """Events carry a time up to `seconds` too early, so that they precede their causes."""
    EVENTS_LOST = "events-lost"
    """Events are never seen."""
    PULL_FAILURE = "pull-failure"
    """Images whose name matches `image` cannot be pulled, for the reason `message`."""
    NO_CAPACITY = "no-capacity"
    """No machine is free for groups with the GPU class `gpu_class` (id or name; without one: for any group)."""


ANSWER_KINDS = frozenset(
    {
        FaultKind.LATENCY,
        FaultKind.UNKNOWN_FIELDS,
        FaultKind.UNKNOWN_ENUMS,
        FaultKind.STALE,
        FaultKind.CUT,
        FaultKind.NO_ENVIRONMENT,
    }
)
"""The request is served; its answer is spoilt."""
PLATFORM_KINDS = frozenset(
    {
        FaultKind.EVENTS_LATE,
        FaultKind.EVENTS_DISORDERED,
        FaultKind.EVENTS_LOST,
        FaultKind.PULL_FAILURE,
        FaultKind.NO_CAPACITY,
    }
)
"""No request is hit."""
# What each of these can be set for; all others hit any operation.
_READERS = frozenset({"list_container_groups", "get_container_group"})
REACH = {
    FaultKind.STALE: _READERS | {"list_container_group_instances"},
    FaultKind.CUT: frozenset({"list_container_groups"}),
    FaultKind.NO_ENVIRONMENT: _READERS,
}
_NEEDS_SECONDS = frozenset({FaultKind.LATENCY, FaultKind.EVENTS_LATE, FaultKind.EVENTS_DISORDERED})


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One fault, as the control API takes it.

    `operations` are operation ids of the OpenAPI document; an empty list means all. `count` is how many
    requests, events, pulls or searches for a machine it hits, None until it is cleared. `probability` is
    0-1. `when` is `before` the request takes effect, or `after`: then the effect is there and only the
    answer is lost. `seconds` is real for requests and simulated for events; None for ever. `event` is a
    shell pattern on an event's name, `group` one on a group's. Raises ValueError for values out of range.
    """

    kind: FaultKind
    status: int | None = None
    operations: list[str] = []
    count: int | None = None
    probability: float = 1.0
    when: Literal["before", "after"] = "before"
    seconds: float | None = None
    retry_after: int | None = None
    limit: int = 100
    event: str = "*"
    group: str = "*"
    image: str = "*"
    message: str = "Failed to pull image: a fault that was asked for"
    gpu_class: str = ""
    id: int = 0
    hits: int = 0

    def __post_init__(self) -> None:
        if self.status is not None and not 400 <= self.status <= 599:
            raise ValueError("status must be 400 to 599")
        if not 0 <= self.probability <= 1:
            raise ValueError("probability must be 0 to 1")
        if self.count is not None and self.count < 1:
            raise ValueError("count must be at least 1")
        if self.limit < 0:
            raise ValueError("limit must be at least 0")
        if self.seconds is None and self.kind in _NEEDS_SECONDS:
            raise ValueError(f"{self.kind} needs seconds")
        if self.seconds is not None and not 0 <= self.seconds <= 86_400:
            raise ValueError("seconds must be 0 to 86400")
        if self.retry_after is not None and not 0 <= self.retry_after <= 86_400:
            raise ValueError("retry_after must be 0 to 86400")
        # `ContainerGroupState.description`, OpenAPI document.
        if not 1 <= len(self.message) <= 1000 or len(self.message.splitlines()) > 1:
            raise ValueError("message must have 1 to 1000 characters, in one line")

    @property
    def exhausted(self) -> bool:
        """Whether it has hit as often as it should."""
        return self.count is not None and self.hits >= self.count

    def reaches(self, operation: str) -> bool:
        """Whether requests of this operation can be hit."""
        if self.kind in PLATFORM_KINDS or operation not in REACH.get(self.kind, {operation}):
            return False
        return not self.operations or operation in self.operations


@dataclass(slots=True)
class Faults:
    """The faults that are set, oldest first; the first one that matches a request hits it."""

    random: Random
    _faults: list[Fault]
    _next_id: int = 0

    def add(self, fault: Fault) -> Fault:
        """Set one; it gets an id."""
        self._next_id += 1
        fault.id = self._next_id
        fault.hits = 0
        self._faults.append(fault)
        return fault

    def active(self) -> list[Fault]:
        """Those that still can hit."""
        return list(self._faults)

    def clear(self, fault_id: int | None = None) -> None:
        """Take back one, or all."""
        self._faults = [f for f in self._faults if fault_id is not None and f.id != fault_id]

    def strike(self, operation: str) -> Fault | None:
        """The fault that hits this request; it is counted."""
        return next(self._hitting(lambda fault: fault.reaches(operation)), None)

    def strike_platform(self, matches: Callable[[Fault], bool]) -> Fault | None:
        """The first fault of the platform itself that `matches` accepts and chance lets hit; it is counted."""
        return next(self._hitting(lambda fault: fault.kind in PLATFORM_KINDS and matches(fault)), None)

    def _hitting(self, matches: Callable[[Fault], bool]) -> Iterator[Fault]:
        for fault in list(self._faults):
            if not matches(fault) or self.random.random() >= fault.probability:
                continue
            fault.hits += 1
            if fault.exhausted:
                self._faults.remove(fault)
            yield fault
