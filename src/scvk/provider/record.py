"""What stands on a pod before anything is made for it: the container group's name and the attempt.

The record is written to the pod's annotations *before* the create request, so that a create whose answer was lost, or
whose agent died, is repeated under the same name and can never make a second group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

GROUP_ANNOTATION = "scvk.salad.com/container-group"
ATTEMPT_ANNOTATION = "scvk.salad.com/attempt"
RUNS_ANNOTATION = "scvk.salad.com/containers"


@dataclass(frozen=True, slots=True)
class Record:
    """The group that was, or is about to be, made for a pod.

    `attempt` counts names that were used up, from 0. `runs` names the containers that run in it, the main one first,
    then the init containers; empty where that is not known.
    """

    group: str
    attempt: int
    runs: tuple[str, ...] = ()

    def annotations(self) -> dict[str, str]:
        """Return the record as annotations of the pod."""
        runs = {RUNS_ANNOTATION: ",".join(self.runs)} if self.runs else {}
        return {GROUP_ANNOTATION: self.group, ATTEMPT_ANNOTATION: str(self.attempt), **runs}


def record_of(annotations: Mapping[str, str]) -> Record | None:
    """Return the record that a pod carries; None where there is none, or where it cannot be ours.

    Users can write annotations too: the caller compares the name with the one computed from the pod's UID.
    """
    group = annotations.get(GROUP_ANNOTATION)
    attempt = annotations.get(ATTEMPT_ANNOTATION, "")
    if not group or not attempt.isascii() or not attempt.isdecimal() or len(attempt) > 4:
        return None
    runs = annotations.get(RUNS_ANNOTATION)
    return Record(group, int(attempt), tuple(runs.split(",")) if runs else ())
