"""What pods and the node use, as `/metrics/resource` and `/metrics/cadvisor` tell it: pure.

Names and labels are a kubelet's. metrics-server reads the first, and takes rates between two samples of different
times; a start between them tells it that a count began anew. What is not known is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from scvk.kubelet.exposition import Family, Labels, Series
from scvk.kubelet.usage_source import PodUsage, Usage


def resource_metrics(usage: Usage | None) -> tuple[Family, ...]:
    """Return the metrics of `/metrics/resource`; without a usage only that there is none."""
    failed = 0 if usage is not None else 1
    problem = "1 where what pods use could not be told, else 0"
    together = usage.together if usage is not None else None
    pods = usage.pods if usage is not None else ()
    return (
        Family(
            "node_cpu_usage_seconds_total",
            "counter",
            "Processor seconds that the node's pods and its agent have used",
            (Series(together.cpu_s, at=together.at),) if together else (),
        ),
        Family(
            "node_memory_working_set_bytes",
            "gauge",
            "Memory that the node's pods and its agent use",
            (Series(together.memory_bytes, at=together.at),) if together else (),
        ),
        *_pod_metrics(pods),
        *_container_metrics(pods, _resource_labels),
        Family("resource_scrape_error", "gauge", problem, (Series(failed),)),
        Family("scrape_error", "gauge", problem, (Series(failed),)),
    )


def cadvisor_metrics(usage: Usage | None, now: float) -> tuple[Family, ...]:
    """Return what is known of the metrics of `/metrics/cadvisor`: processor, memory and start of containers."""
    pods = usage.pods if usage is not None else ()
    return (
        *_container_metrics(pods, _cadvisor_labels),
        Family(
            "container_memory_usage_bytes",
            "gauge",
            "Memory that a container uses; the platform tells no page cache apart",
            tuple(Series(pod.sample.memory_bytes, _cadvisor_labels(pod), pod.sample.at) for pod in pods),
        ),
        Family(
            "container_last_seen",
            "gauge",
            "When a container was seen last, in Unix seconds",
            tuple(Series(int(now), _cadvisor_labels(pod)) for pod in pods),
        ),
    )


def _pod_metrics(pods: Iterable[PodUsage]) -> tuple[Family, ...]:
    return (
        Family(
            "pod_cpu_usage_seconds_total",
            "counter",
            "Processor seconds that a pod has used",
            tuple(Series(pod.sample.cpu_s, _pod_labels(pod), pod.sample.at) for pod in pods),
        ),
        Family(
            "pod_memory_working_set_bytes",
            "gauge",
            "Memory that a pod uses",
            tuple(Series(pod.sample.memory_bytes, _pod_labels(pod), pod.sample.at) for pod in pods),
        ),
    )


def _container_metrics(pods: Iterable[PodUsage], labels: Callable[[PodUsage], Labels]) -> tuple[Family, ...]:
    return (
        Family(
            "container_cpu_usage_seconds_total",
            "counter",
            "Processor seconds that a container has used since its start",
            tuple(Series(pod.sample.cpu_s, labels(pod), pod.sample.at) for pod in pods),
        ),
        Family(
            "container_memory_working_set_bytes",
            "gauge",
            "Memory that a container uses",
            tuple(Series(pod.sample.memory_bytes, labels(pod), pod.sample.at) for pod in pods),
        ),
        Family(
            "container_start_time_seconds",
            "gauge",
            "When a container was started, in Unix seconds",
            tuple(Series(pod.started, labels(pod)) for pod in pods if pod.started is not None),
        ),
    )


def _pod_labels(pod: PodUsage) -> Labels:
    return (("pod", pod.name), ("namespace", pod.namespace))


def _resource_labels(pod: PodUsage) -> Labels:
    return (("container", pod.container), *_pod_labels(pod))


def _cadvisor_labels(pod: PodUsage) -> Labels:
    return (*_resource_labels(pod), ("id", f"/kubepods/pod{pod.uid}"), ("image", pod.image), ("name", pod.container_id))
