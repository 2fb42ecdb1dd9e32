"""What the node can hold, from the organization's quota of replicas: pure functions.

The platform has no capacity of its own that could be asked for; what bounds the pods is the quota. The scheduler takes
the pods that are bound to a node off its allocatable `pods` by itself, whatever they have in the cloud, so that

    allocatable - bound pods = what can still be made, less what bound pods will still have made

holds if those pods are added to what the quota has left that need nothing of it any more: they have a group, which is
counted as used, or they will never get one.

Each pod may be as large as the largest machine, so cpu, memory and storage are that many times the platform's maxima.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scvk.provider.gpu_catalogue import GpuCatalogue

REPLICAS_WHERE_NO_QUOTA_IS_SHOWN = 100
"""Until SaladCloud says what the quota is. Too many only costs refusals; too few would keep pods from running."""
# The most that one container can have: OpenAPI document, ContainerResourceRequirements ("must be between …"), and the
# maxima of a group's log of instances. Some machines with several GPUs have more.
MOST_CPU_PER_POD = 16
MOST_MEMORY_GIB_PER_POD = 60
MOST_STORAGE_GIB_PER_POD = 250
MOST_GPUS_PER_POD = 8


@dataclass(frozen=True, slots=True)
class Replicas:
    """The organization's replicas: how many it may have and has, over all projects; None: not known.

    `refused`: the platform has said no to another one since, whatever the numbers say.
    """

    quota: int | None = None
    used: int | None = None
    refused: bool = False

    @property
    def allowed(self) -> int:
        """How many there may be together."""
        return REPLICAS_WHERE_NO_QUOTA_IS_SHOWN if self.quota is None else self.quota

    @property
    def left(self) -> int:
        """How many can still be made."""
        return 0 if self.refused else max(0, self.allowed - (self.used or 0))


def capacity(replicas: Replicas, catalogue: GpuCatalogue | None) -> dict[str, str]:
    """Return the node's capacity. Each class of `catalogue` is a resource that pods may ask for; None: not known."""
    return _resources(replicas.allowed, catalogue)


def allocatable(replicas: Replicas, in_no_need: int, catalogue: GpuCatalogue | None) -> dict[str, str]:
    """Return what is allocatable. `in_no_need`: bound pods that have a group or will never get one."""
    return _resources(replicas.left + in_no_need, catalogue)


def _resources(pods: int, catalogue: GpuCatalogue | None) -> dict[str, str]:
    classes: Mapping[str, int] = catalogue.resources() if catalogue else {}
    return {
        "pods": str(pods),
        "cpu": str(pods * MOST_CPU_PER_POD),
        "memory": f"{pods * MOST_MEMORY_GIB_PER_POD}Gi",
        "ephemeral-storage": f"{pods * MOST_STORAGE_GIB_PER_POD}Gi",
        "nvidia.com/gpu": str(pods * MOST_GPUS_PER_POD),
        **{name: str(pods * gpus) for name, gpus in classes.items()},
    }
