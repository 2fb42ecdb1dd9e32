"""What the pods of histories run, and how each must end up once nothing disturbs it any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

IMAGES = ("busybox", "busybox:stable", "alpine")
SMALL: Mapping[str, str] = {"cpu": "1", "memory": "1Gi"}
LARGE: Mapping[str, str] = {"cpu": "2", "memory": "3Gi"}
_READY_ASKED = {"readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 5}}


@dataclass(frozen=True)
class Workload:
    """What a pod runs, by script, and how it must end up when nothing disturbs it."""

    script: str
    policy: str
    ends: str
    """The phase at last; `Running` is Running and Ready, `Running or waiting` just Running, `never ready` neither ended
    nor Ready."""
    container: Mapping[str, Any] = field(default_factory=dict)
    pod: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the container and of the pod's spec."""

    def __str__(self) -> str:
        return f"{self.script}, {self.policy}" + "".join(f", {name}" for name in (*self.container, *self.pod))

    def spec(self, node: str) -> dict[str, Any]:
        """Return the spec of a pod, bound already."""
        main = {
            "name": "main",
            "image": IMAGES[0],
            "command": ["scvk-script", *self.script.split()],
            "resources": {"requests": dict(SMALL)},
            **self.container,
        }
        return {"nodeName": node, "restartPolicy": self.policy, "containers": [main], **self.pod}

    def problem(self, pod: dict[str, Any], *, disturbed: bool) -> str | None:
        """Say what is not as it must be at last; of a disturbed pod somebody else's hand may have made an end."""
        status = pod.get("status") or {}
        phase = status.get("phase")
        ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or [])
        seen = f"phase {phase}, ready {ready}"
        if disturbed and phase == "Failed":
            return None
        match self.ends:
            case "Running":
                return None if phase == "Running" and ready else seen
            case "Running or waiting":
                return None if phase == "Running" else seen
            case "never ready":
                return None if phase in ("Pending", "Running") and not ready else seen
            case ends:
                return None if phase == ends else seen


WORKLOADS = (
    Workload("run", "Always", "Running"),
    Workload("run", "Never", "Running"),
    Workload("run", "OnFailure", "Running"),
    Workload("ready after 40s", "Always", "Running", container=_READY_ASKED),
    Workload("run", "Always", "Failed", pod={"activeDeadlineSeconds": 300}),
    Workload("exit 0", "Never", "Succeeded"),
    Workload("exit 0 after 90s", "Never", "Succeeded"),
    Workload("exit 3 after 20s", "Never", "Failed"),
    Workload("exit 0 after 400s", "OnFailure", "Succeeded"),
    Workload("exit 0 after 200s", "Always", "Running or waiting"),
    Workload("exit 1 after 300s", "Always", "Running or waiting"),
    Workload("exit 2 after 100s", "OnFailure", "Running or waiting"),
    Workload("killed after 600s", "Never", "Failed"),
    Workload("never start no such file", "Always", "never ready"),
)
