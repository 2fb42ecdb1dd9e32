"""What an operator decides about translation: the same for every pod of a node."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from scvk.provider.translate.injected import WELL_KNOWN

MOST_WRAPPER_BYTES = 2**20
"""Linux hands a program at most 2 MiB of arguments and variables together where its stack has the usual 8 MiB."""


class ResourceSteps(StrEnum):
    """How cpu and memory are rounded up."""

    WHOLE = "whole"
    """cpu to whole cores, memory to whole GiB."""
    LEGACY = "legacy"
    """To the steps that the Go program knows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The agent's options that translation depends on, checked.

    `ignored_containers` are names of injected containers that are left out, with `*` as a wildcard;
    `default_gpu_classes` names or UUIDs for pods that ask for a GPU and name no class; `wrapper_limit_bytes` is how
    much a start-up wrapper may add to a group. `strict` refuses what would be degraded. `kubernetes_version` is major
    and minor of the cluster, which probes show as the kubelet's.
    """

    ignored_containers: tuple[str, ...] = WELL_KNOWN
    default_gpu_classes: tuple[str, ...] = ()
    resource_steps: ResourceSteps = ResourceSteps.WHOLE
    run_daemonsets: bool = False
    wrapper_limit_bytes: int = 64 * 1024
    strict: bool = False
    kubernetes_version: tuple[str, str] = ("1", "37")


DEFAULT_POLICY = Policy()
"""What holds where the operator says nothing."""
