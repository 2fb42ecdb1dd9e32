"""What stands on a pod before anything is made for it: the container group's name and the attempt.

The record is written to the pod's annotations *before* the create request, so that a create whose answer was lost, or
whose agent died, is repeated under the same name and can never make a second group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scvk.provider.ownership import LEGACY_ATTEMPT

GROUP_ANNOTATION = "scvk.salad.com/container-group"
ATTEMPT_ANNOTATION = "scvk.salad.com/attempt"
RUNS_ANNOTATION = "scvk.salad.com/containers"
LEGACY = "legacy"
"""Stands for the attempt where the group is one that the Go program made."""


@dataclass(frozen=True, slots=True)
class Record:
    """The group that was, or is about to be, made for a pod.

    `attempt` counts names that were used up, from 0; LEGACY_ATTEMPT for an adopted group of the Go program. `runs`
    names the containers that run in it, the main one first, then the init containers; empty where that is not known.
    """

    group: str
    attempt: int
    runs: tuple[str, ...] = ()

    def annotations(self) -> dict[str, str]:
        """Return the record as annotations of the pod."""
        runs = {RUNS_ANNOTATION: ",".join(self.runs)} if self.runs else {}
        attempt = LEGACY if self.attempt == LEGACY_ATTEMPT else str(self.attempt)
        return {GROUP_ANNOTATION: self.group, ATTEMPT_ANNOTATION: attempt, **runs}


def record_of(annotations: Mapping[str, str]) -> Record | None:
    """Return the record that a pod carries; None where there is none, or where it cannot be ours.

    Users can write annotations too: the caller compares the name with the one computed from the pod's UID.
    """
    group = annotations.get(GROUP_ANNOTATION)
    attempt = annotations.get(ATTEMPT_ANNOTATION, "")
    number = _attempt(attempt)
    if not group or number is None:
        return None
    runs = annotations.get(RUNS_ANNOTATION)
    return Record(group, number, tuple(runs.split(",")) if runs else ())


def _attempt(text: str) -> int | None:
    if text == LEGACY:
        return LEGACY_ATTEMPT
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 4 else None
