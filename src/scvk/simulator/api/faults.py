"""Faults on demand: what is to go wrong, for which requests, how often."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Literal

import msgspec


class FaultKind(StrEnum):
    """What the client gets instead of the answer."""

    STATUS = "status"
    """A problem body with `status`."""
    HTML = "html"
    """An HTML page, as from the edge in front of the API, with `status`."""
    HANG = "hang"
    """Nothing, for `seconds` or until the client gives up."""
    DROP = "drop"
    """The connection is cut."""
    GARBAGE = "garbage"
    """Status 200 and a body that is no JSON."""


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One fault, as the control API takes it.

    `operations` are operation ids of the OpenAPI document; an empty list means all. `count` is how many
    requests it hits, None until it is cleared. `probability` is 0-1. `when` is `before` the request takes
    effect, or `after`: then the effect is there and only the answer is lost. `seconds` (real) is for
    `hang`, None for ever.
    """

    kind: FaultKind
    status: int | None = None
    operations: list[str] = []
    count: int | None = None
    probability: float = 1.0
    when: Literal["before", "after"] = "before"
    seconds: float | None = None
    retry_after: int | None = None
    id: int = 0
    hits: int = 0

    def __post_init__(self) -> None:
        if self.status is not None and not 400 <= self.status <= 599:
            raise ValueError("status must be 400 to 599")
        if not 0 <= self.probability <= 1:
            raise ValueError("probability must be 0 to 1")
        if self.count is not None and self.count < 1:
            raise ValueError("count must be at least 1")

    @property
    def exhausted(self) -> bool:
        """Whether it has hit as often as it should."""
        return self.count is not None and self.hits >= self.count


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
        for fault in self._faults:
            if fault.operations and operation not in fault.operations:
                continue
            if self.random.random() >= fault.probability:
                continue
            fault.hits += 1
            if fault.exhausted:
                self._faults.remove(fault)
            return fault
        return None
