"""What the node says it can hold."""

from __future__ import annotations

import pytest

from scvk.provider.capacity import Replicas, allocatable, capacity
from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.provider.node_facts import pods_in_no_need
from scvk.saladcloud.models import GpuClass
from tests.unit.kubelet.builders import pod


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        pytest.param(10, ("10", "160", "600Gi", "2500Gi", "80"), id="quota"),
        pytest.param(0, ("0", "0", "0Gi", "0Gi", "0"), id="none"),
        pytest.param(None, ("100", "1600", "6000Gi", "25000Gi", "800"), id="quota not known"),
    ],
)
def test_the_quota_of_replicas_bounds_the_capacity_whatever_is_used(
    quota: int | None, expected: tuple[str, ...]
) -> None:
    made = capacity(Replicas(quota, used=7), None)
    assert tuple(made[name] for name in ("pods", "cpu", "memory", "ephemeral-storage", "nvidia.com/gpu")) == expected


@pytest.mark.parametrize(
    ("replicas", "in_no_need", "pods"),
    [
        pytest.param(Replicas(500, 0), 0, 500, id="nothing used"),
        pytest.param(Replicas(500, 10), 0, 490, id="used elsewhere"),
        pytest.param(Replicas(500, 15), 5, 490, id="used elsewhere and here"),
        pytest.param(Replicas(500, 10), 3, 493, id="pods that never get a group"),
        pytest.param(Replicas(10, 10), 4, 4, id="used up"),
        pytest.param(Replicas(10, 12), 4, 4, id="the quota was lowered"),
        pytest.param(Replicas(500, 10, refused=True), 4, 4, id="refused, whatever the numbers say"),
        pytest.param(Replicas(None, 40), 4, 64, id="quota not known"),
        pytest.param(Replicas(500, None), 4, 504, id="use not known"),
    ],
)
def test_allocatable_less_bound_pods_is_what_can_still_be_made(replicas: Replicas, in_no_need: int, pods: int) -> None:
    assert allocatable(replicas, in_no_need, None)["pods"] == str(pods)


def test_each_gpu_class_is_a_resource_that_pods_may_ask_for() -> None:
    catalogue = GpuCatalogue.of([GpuClass(id="1", name="RTX 4090 (24 GB)"), GpuClass(id="2", name="A", gpu_count=8)])
    whole, left = capacity(Replicas(10, 4), catalogue), allocatable(Replicas(10, 4), 1, catalogue)
    assert (whole["salad.com/rtx4090"], whole["salad.com/a"]) == ("10", "80")
    assert (left["salad.com/rtx4090"], left["salad.com/a"], left["cpu"]) == ("7", "56", "112")


def test_bound_pods_count_once_and_only_those_that_the_scheduler_counts() -> None:
    bound = [
        pod("running", uid="a"),
        pod("refused", uid="b"),
        pod("still to be made", uid="c"),
        pod("finished", uid="d", status={"phase": "Succeeded"}),
        pod("terminating", uid="e", deleted=True),
        pod("terminating with a group", uid="f", deleted=True),
    ]
    assert pods_in_no_need(bound, with_group={"a", "d", "f", "of another node"}, refused={"b", "a"}) == 4
