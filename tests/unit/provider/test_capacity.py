"""What the node says it can hold."""

from __future__ import annotations

import pytest

from scvk.provider.capacity import node_facts
from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.saladcloud.models import ContainerGroupsQuotas, GpuClass, Quotas


@pytest.mark.parametrize(
    ("quota", "pods", "cpu", "memory", "gpus"),
    [(10, "10", "160", "600Gi", "80"), (0, "0", "0", "0Gi", "0"), (None, "100", "1600", "6000Gi", "800")],
    ids=["quota", "none-left", "quota-not-shown"],
)
def test_the_quota_of_replicas_bounds_the_pods(quota: int | None, pods: str, cpu: str, memory: str, gpus: str) -> None:
    quotas = Quotas(container_groups_quotas=ContainerGroupsQuotas(container_replicas_quota=quota))
    capacity = node_facts("acme", "default", quotas, None).capacity
    assert [capacity[name] for name in ("pods", "cpu", "memory", "nvidia.com/gpu")] == [pods, cpu, memory, gpus]


def test_without_an_answer_the_node_holds_pods_all_the_same() -> None:
    facts = node_facts("acme", "default", None, None)
    assert facts.capacity["pods"] == "100"
    assert facts.provider_id == "saladcloud://acme/default"


@pytest.mark.parametrize(("failure", "status"), [(None, "True"), ("502 Bad Gateway", "False")])
def test_the_condition_says_whether_saladcloud_answers(failure: str | None, status: str) -> None:
    (condition,) = node_facts("acme", "default", None, failure).conditions
    assert (condition.type, condition.status) == ("SaladCloudReachable", status)
    assert failure is None or failure in (condition.message or "")


def test_each_gpu_class_is_a_resource_that_pods_may_ask_for() -> None:
    catalogue = GpuCatalogue.of([GpuClass(id="1", name="RTX 4090 (24 GB)"), GpuClass(id="2", name="A", gpu_count=8)])
    quotas = Quotas(container_groups_quotas=ContainerGroupsQuotas(container_replicas_quota=10))
    capacity = node_facts("acme", "default", quotas, None, catalogue).capacity
    assert (capacity["salad.com/rtx4090"], capacity["salad.com/a"]) == ("10", "80")
