"""What pods and the node use, as each route tells it."""

from __future__ import annotations

from typing import Any

import pytest
from lightkube.models.core_v1 import (
    Container,
    ContainerState,
    ContainerStateRunning,
    ContainerStateWaiting,
    ContainerStatus,
    PodSpec,
    PodStatus,
)
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.api.pod_lists import all_pods, running_pods
from scvk.kubelet.api.resource_metrics import cadvisor_metrics, resource_metrics
from scvk.kubelet.api.stats_summary import stats_summary
from scvk.kubelet.exposition import exposition
from scvk.kubelet.own_usage import OwnUsage, with_own
from scvk.kubelet.usage_source import PodUsage, Usage, UsageSample

WEB = PodUsage(
    "shop",
    "web",
    "uid-1",
    "main",
    UsageSample(1700000060.5, 12, 64 * 1024**2, 0.25),
    pod_started=1699999990,
    started=1700000000,
    image="nginx",
    container_id="saladcloud://i-1",
)
NEW = PodUsage("shop", "new", "uid-2", "main", UsageSample(1700000070, 0.001, 1024))
USAGE = Usage(UsageSample(1700000060.5, 100.5, 128 * 1024**2, 1.5), (WEB, NEW))


def samples(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_metrics_of_resources_are_named_labelled_and_timed_as_those_of_a_kubelet() -> None:
    assert samples(exposition(resource_metrics(USAGE))) == [
        'container_cpu_usage_seconds_total{container="main",pod="web",namespace="shop"} 12 1700000060500',
        'container_cpu_usage_seconds_total{container="main",pod="new",namespace="shop"} 0.001 1700000070000',
        'container_memory_working_set_bytes{container="main",pod="web",namespace="shop"} 67108864 1700000060500',
        'container_memory_working_set_bytes{container="main",pod="new",namespace="shop"} 1024 1700000070000',
        'container_start_time_seconds{container="main",pod="web",namespace="shop"} 1700000000',
        "node_cpu_usage_seconds_total 100.5 1700000060500",
        "node_memory_working_set_bytes 134217728 1700000060500",
        'pod_cpu_usage_seconds_total{pod="web",namespace="shop"} 12 1700000060500',
        'pod_cpu_usage_seconds_total{pod="new",namespace="shop"} 0.001 1700000070000',
        'pod_memory_working_set_bytes{pod="web",namespace="shop"} 67108864 1700000060500',
        'pod_memory_working_set_bytes{pod="new",namespace="shop"} 1024 1700000070000',
        "resource_scrape_error 0",
        "scrape_error 0",
    ]


def test_metrics_of_resources_that_cannot_be_told_say_so_and_nothing_else() -> None:
    assert samples(exposition(resource_metrics(None))) == ["resource_scrape_error 1", "scrape_error 1"]


def test_counts_are_counters_and_the_rest_gauges() -> None:
    for family in (*resource_metrics(USAGE), *cadvisor_metrics(USAGE, 0)):
        assert family.kind == ("counter" if family.name.endswith("_total") else "gauge"), family.name


def test_metrics_of_cadvisor_tell_what_is_known_of_a_container_with_the_labels_that_dashboards_join_by() -> None:
    lines = samples(exposition(cadvisor_metrics(Usage(USAGE.together, (WEB,)), 1700000100.7)))
    labels = 'container="main",pod="web",namespace="shop",id="/kubepods/poduid-1",image="nginx",name="saladcloud://i-1"'
    assert lines == [
        f"container_cpu_usage_seconds_total{{{labels}}} 12 1700000060500",
        f"container_last_seen{{{labels}}} 1700000100",
        f"container_memory_usage_bytes{{{labels}}} 67108864 1700000060500",
        f"container_memory_working_set_bytes{{{labels}}} 67108864 1700000060500",
        f"container_start_time_seconds{{{labels}}} 1700000000",
    ]


def test_the_summary_tells_processors_in_nanoseconds_and_times_in_whole_seconds() -> None:
    memory = {"time": "2023-11-14T22:14:20Z", "usageBytes": 67108864, "workingSetBytes": 67108864}
    cpu = {"time": "2023-11-14T22:14:20Z", "usageNanoCores": 250_000_000, "usageCoreNanoSeconds": 12_000_000_000}
    summary = stats_summary(Usage(USAGE.together, (WEB,)), node="salad", since=1699990000)
    assert summary["pods"] == [
        {
            "podRef": {"name": "web", "namespace": "shop", "uid": "uid-1"},
            "startTime": "2023-11-14T22:13:10Z",
            "containers": [{"name": "main", "startTime": "2023-11-14T22:13:20Z", "cpu": cpu, "memory": memory}],
            "cpu": cpu,
            "memory": memory,
        }
    ]
    assert summary["node"]["nodeName"] == "salad"
    assert summary["node"]["startTime"] == "2023-11-14T19:26:40Z"
    assert summary["node"]["cpu"]["usageCoreNanoSeconds"] == 100_500_000_000


def test_the_summary_leaves_out_what_is_not_known() -> None:
    (pod,) = stats_summary(Usage(USAGE.together, (NEW,)), node="salad", since=0)["pods"]
    assert "startTime" not in pod
    assert "startTime" not in pod["containers"][0]
    assert "usageNanoCores" not in pod["cpu"]
    assert stats_summary(None, node="salad", since=0)["pods"] == []


@pytest.mark.parametrize(
    ("usage", "together"),
    [
        pytest.param(
            USAGE, UsageSample(1700000060.5, 102.5, 129 * 1024**2, 1.5), id="beside pods: as of when they are known"
        ),
        pytest.param(None, UsageSample(1700000100, 2, 1024**2), id="alone: as of now"),
    ],
)
def test_a_node_uses_what_its_agent_does_too(usage: Usage | None, together: UsageSample) -> None:
    assert with_own(usage, OwnUsage(0, 2, 1024**2), 1700000100).together == together


def a_pod(name: str, **state: Any) -> Pod:
    status = ContainerStatus(
        name="main", image="nginx", imageID="", ready=True, restartCount=0, state=ContainerState(**state)
    )
    return Pod(
        metadata=ObjectMeta(name=name, namespace="shop", uid=f"uid-{name}", annotations={"a": "b"}),
        spec=PodSpec(containers=[Container(name="main", image="nginx"), Container(name="side", image="envoy")]),
        status=PodStatus(phase="Running", containerStatuses=[status]),
    )


def test_all_pods_are_listed_whole_and_those_that_run_with_what_runs() -> None:
    runs = a_pod("web", running=ContainerStateRunning())
    waits = a_pod("new", waiting=ContainerStateWaiting(reason="ContainerCreating"))
    everything = all_pods([runs, waits, Pod(metadata=ObjectMeta(name="bare"))])
    assert (everything["kind"], everything["apiVersion"]) == ("PodList", "v1")
    assert [pod["metadata"]["name"] for pod in everything["items"]] == ["web", "new", "bare"]
    assert everything["items"][0]["metadata"]["annotations"] == {"a": "b"}
    assert running_pods([runs, waits, Pod(metadata=ObjectMeta(name="bare"))])["items"] == [
        {
            "metadata": {"name": "web", "namespace": "shop", "uid": "uid-web"},
            "spec": {"containers": [{"name": "main", "image": "nginx", "resources": {}}]},
            "status": {},
        }
    ]
