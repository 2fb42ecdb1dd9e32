"""Events are told when something moves, and once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from lightkube.models.core_v1 import PodStatus

from scvk.provider.transitions import events_between
from tests.unit.provider.evidence import a_pod, at, with_status


def a_status(state: dict[str, Any] | None, *, ready: bool = False, restarts: int = 0) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": "nginx",
        "imageID": "",
        "ready": ready,
        "restartCount": restarts,
        "state": state,
    }
    return {"phase": "Running", "containerStatuses": [container]}


NEW: dict[str, Any] = {}
CREATING = a_status({"waiting": {"reason": "ContainerCreating", "message": "pulling image"}})
DOWNLOADING = a_status({"waiting": {"reason": "ContainerCreating", "message": "downloading 42 %"}})
RUNS = a_status({"running": {"startedAt": "2026-01-02T03:00:01Z"}}, ready=True)
RUNS_NOT_READY = a_status({"running": {"startedAt": "2026-01-02T03:00:01Z"}})
RUNS_AGAIN = a_status({"running": {"startedAt": "2026-01-02T03:00:09Z"}}, ready=True, restarts=1)
CRASHED = a_status({"waiting": {"reason": "CrashLoopBackOff", "message": "exit 1"}})
MOVED = a_status({"waiting": {"reason": "Reallocating", "message": "interrupted"}})
NO_QUOTA = a_status({"waiting": {"reason": "SaladCloudQuotaExceeded", "message": "10 of 10"}})
NO_QUOTA_STILL = a_status({"waiting": {"reason": "SaladCloudQuotaExceeded", "message": "12 of 12"}})
SILENT = a_status({"waiting": {}})
DONE = a_status({"terminated": {"exitCode": 0, "reason": "Completed"}})
BROKEN = a_status({"terminated": {"exitCode": 3, "reason": "Error"}})


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param(NEW, CREATING, [], id="creating-is-quiet"),
        pytest.param(CREATING, DOWNLOADING, [], id="progress-is-quiet"),
        pytest.param(CREATING, RUNS, [("Started", False)], id="started"),
        pytest.param(RUNS, RUNS_AGAIN, [("Started", False)], id="started-again"),
        pytest.param(RUNS, CRASHED, [("BackOff", True)], id="back-off"),
        pytest.param(RUNS, MOVED, [("Reallocating", True)], id="reallocating"),
        pytest.param(NEW, NO_QUOTA, [("SaladCloudQuotaExceeded", True)], id="refused"),
        pytest.param(NO_QUOTA, NO_QUOTA_STILL, [("SaladCloudQuotaExceeded", True)], id="another-message"),
        pytest.param(NEW, SILENT, [("Waiting", True)], id="no-reason"),
        pytest.param(RUNS, DONE, [("Completed", False)], id="completed"),
        pytest.param(RUNS, BROKEN, [("Failed", True)], id="failed"),
        pytest.param(RUNS, RUNS_NOT_READY, [("Unhealthy", True)], id="unhealthy"),
        pytest.param(RUNS_NOT_READY, RUNS, [], id="healthy-again"),
        pytest.param(NEW, a_status(None), [], id="no-state"),
        pytest.param(NEW, NEW, [], id="no-containers"),
    ],
)
def test_a_way_is_told_once(before: dict[str, Any], after: dict[str, Any], told: list[tuple[str, bool]]) -> None:
    pod, status = a_pod(status=before), msgspec.convert(after, PodStatus)
    assert [(event.reason, event.warning) for event in events_between(pod, status)] == told
    assert events_between(with_status(pod, status, now=at(1)), status) == ()
