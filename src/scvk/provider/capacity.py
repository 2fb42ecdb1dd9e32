"""What the node can hold: a pure function from the organization's quotas to the node's facts.

The platform has no capacity of its own that could be asked for; what bounds the pods is the quota of replicas. Each
pod may be as large as the largest machine, so cpu, memory and storage are that many times the platform's maxima.
"""

from __future__ import annotations

from lightkube.models.core_v1 import NodeCondition

from scvk.kubelet.provider import NodeFacts
from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.saladcloud.models import Quotas

REPLICAS_WHERE_NO_QUOTA_IS_SHOWN = 100
# The most that one container can have: OpenAPI document, ContainerResourceRequirements ("must be between …"), and the
# maxima of a group's log of instances. Some machines with several GPUs have more.
MOST_CPU_PER_POD = 16
MOST_MEMORY_GIB_PER_POD = 60
MOST_STORAGE_GIB_PER_POD = 250
MOST_GPUS_PER_POD = 8


def node_facts(
    organization: str,
    project: str,
    quotas: Quotas | None,
    failure: str | None,
    catalogue: GpuCatalogue | None = None,
) -> NodeFacts:
    """Return capacity, labels and conditions. `failure`: why SaladCloud does not answer; None while it does.

    Each class of `catalogue` is an extended resource that pods may ask for; None: not known yet.
    """
    pods = REPLICAS_WHERE_NO_QUOTA_IS_SHOWN
    if quotas is not None and quotas.container_groups_quotas.container_replicas_quota is not None:
        pods = quotas.container_groups_quotas.container_replicas_quota
    reachable = NodeCondition(
        type="SaladCloudReachable",
        status="True" if failure is None else "False",
        reason="Answers" if failure is None else "NoCertainAnswer",
        message="SaladCloud answers" if failure is None else failure,
    )
    return NodeFacts(
        capacity={
            "pods": str(pods),
            "cpu": str(pods * MOST_CPU_PER_POD),
            "memory": f"{pods * MOST_MEMORY_GIB_PER_POD}Gi",
            "ephemeral-storage": f"{pods * MOST_STORAGE_GIB_PER_POD}Gi",
            "nvidia.com/gpu": str(pods * MOST_GPUS_PER_POD),
            **{name: str(pods * gpus) for name, gpus in (catalogue.resources() if catalogue else {}).items()},
        },
        conditions=(reachable,),
        provider_id=f"saladcloud://{organization}/{project}",
    )
