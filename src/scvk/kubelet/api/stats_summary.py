"""What pods and the node use, as the Summary API (`/stats/summary`) tells it: pure.

Only processors and memory: the platform tells nothing of networks and disks, and what is not known is left out.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from scvk.kubelet.usage_source import PodUsage, Usage, UsageSample


def stats_summary(usage: Usage | None, *, node: str, since: float) -> dict[str, Any]:
    """Return the summary of a node that is measured since `since`."""
    return {
        "node": {
            "nodeName": node,
            "startTime": _time(since),
            **(_stats(usage.together) if usage is not None else {}),
        },
        "pods": [_pod(pod) for pod in usage.pods] if usage is not None else [],
    }


def _pod(pod: PodUsage) -> dict[str, Any]:
    stats = _stats(pod.sample)
    started = {"startTime": _time(pod.started)} if pod.started is not None else {}
    since = pod.pod_started if pod.pod_started is not None else pod.started
    return {
        "podRef": {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
        **({"startTime": _time(since)} if since is not None else {}),
        "containers": [{"name": pod.container, **started, **stats}],
        **stats,
    }


def _stats(sample: UsageSample) -> dict[str, Any]:
    time = _time(sample.at)
    now = {} if sample.cores is None else {"usageNanoCores": round(sample.cores * 1e9)}
    return {
        "cpu": {"time": time, **now, "usageCoreNanoSeconds": round(sample.cpu_s * 1e9)},
        "memory": {"time": time, "usageBytes": sample.memory_bytes, "workingSetBytes": sample.memory_bytes},
    }


def _time(moment: float) -> str:
    """Return RFC 3339 in whole seconds, as Kubernetes writes times."""
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
