"""What pods are told of changes that their running group cannot have."""

from __future__ import annotations

FIXED_WORDS = (
    "fixed once the pod has its container group, which stays as it was; delete the pod to have it changed (its"
    " controller makes another one)"
)
INFEASIBLE_WORDS = (
    "SaladCloud cannot change cpu and memory of a running container; annotate the pod with salad.com/resize: restart to"
    " have them changed with a restart of the program, or delete the pod"
)
