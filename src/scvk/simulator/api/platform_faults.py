"""Faults that hit the platform itself: events, image pulls, capacity."""

from __future__ import annotations

from fnmatch import fnmatchcase

from scvk.simulator.api.faults import Fault, FaultKind, Faults
from scvk.simulator.cloud.definition import Definition
from scvk.simulator.cloud.mishaps import USUAL, Fate
from scvk.simulator.gpu_catalogue import gpu_classes

_EVENT_KINDS = frozenset({FaultKind.EVENTS_LOST, FaultKind.EVENTS_LATE, FaultKind.EVENTS_DISORDERED})


class PlatformFaults:
    """The set faults as the platform's mishaps (`cloud.mishaps.Mishaps`)."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def fate(self, group_name: str, event: str) -> Fate:
        """By the first fault that matches event and group."""
        fault = self._faults.strike_platform(
            lambda fault: (
                fault.kind in _EVENT_KINDS and fnmatchcase(event, fault.event) and fnmatchcase(group_name, fault.group)
            )
        )
        if fault is None:
            return USUAL
        seconds = fault.seconds or 0.0
        match fault.kind:
            case FaultKind.EVENTS_LOST:
                return Fate(lost=True)
            case FaultKind.EVENTS_LATE:
                return Fate(late_s=seconds)
            case _:
                return Fate(early_s=self._faults.random.uniform(0, seconds))

    def pull_error(self, definition: Definition) -> str | None:
        """By the first fault whose pattern the image's name matches."""
        fault = self._faults.strike_platform(
            lambda fault: (
                fault.kind is FaultKind.PULL_FAILURE
                and fnmatchcase(definition.image, fault.image)
                and fnmatchcase(definition.name, fault.group)
            )
        )
        return fault.message if fault is not None else None

    def capacity_left(self, definition: Definition) -> bool:
        """False while a fault takes every class that would do."""
        wanted = frozenset(class_id.lower() for class_id in definition.gpu_classes)
        if not self.out_of_capacity(wanted):
            return True
        fault = self._faults.strike_platform(
            lambda fault: (
                fault.kind is FaultKind.NO_CAPACITY
                and fnmatchcase(definition.name, fault.group)
                and (not fault.gpu_class or bool(_taken(fault) & wanted))
            )
        )
        return fault is None

    def out_of_capacity(self, gpu_classes: frozenset[str]) -> bool:
        """Whether set faults take all of these classes."""
        faults = [fault for fault in self._faults.active() if fault.kind is FaultKind.NO_CAPACITY]
        if any(not fault.gpu_class for fault in faults):
            return True
        taken: frozenset[str] = frozenset().union(*map(_taken, faults))
        return bool(gpu_classes) and gpu_classes <= taken


def _taken(fault: Fault) -> frozenset[str]:
    """Ids of the classes that a fault without capacity names."""
    wanted = fault.gpu_class.lower()
    return frozenset(
        class_id
        for class_id, gpu_class in gpu_classes().items()
        if class_id == wanted or gpu_class.name.lower() == wanted
    )
