"""The shape of a status around one container, and how one is read."""

from __future__ import annotations

from typing import Any

import pytest
from lightkube.models.core_v1 import PodStatus

from scvk.kubelet.status import status_patch
from scvk.provider.pod_status import container_status, has_probes, has_run, last_start, lost_status, waiting_status
from tests.unit.provider.evidence import HOST_IP, UID, a_pod, at, with_status

RAN: dict[str, Any] = {
    "phase": "Running",
    "startTime": "2026-01-02T03:00:01Z",
    "containerStatuses": [
        {
            "name": "main",
            "image": "nginx",
            "imageID": "",
            "ready": True,
            "restartCount": 4,
            "state": {"running": {"startedAt": "2026-01-02T03:00:02Z"}},
            "lastState": {"terminated": {"exitCode": 1, "startedAt": "2026-01-02T03:00:00Z"}},
        }
    ],
}


def conditions(status: PodStatus) -> dict[str, tuple[str, str | None]]:
    return {c.type: (c.status, c.reason) for c in status.conditions or []}


def test_a_pod_that_waits_says_why_and_runs_nothing() -> None:
    status = waiting_status(a_pod(), "CreateContainerError", "no", now=at(5), host_ip=HOST_IP)
    (container,) = status.containerStatuses or []
    assert (status.phase, status.startTime, container.restartCount, container.ready) == ("Pending", at(5), 0, False)
    assert container.state
    assert container.state.waiting
    assert (container.state.waiting.reason, container.state.waiting.message) == ("CreateContainerError", "no")
    assert conditions(status) == {
        "PodReadyToStartContainers": ("False", None),
        "Initialized": ("True", None),
        "ContainersReady": ("False", "ContainersNotReady"),
        "Ready": ("False", "ContainersNotReady"),
        "PodScheduled": ("True", None),
    }


def test_a_pod_that_ran_and_waits_keeps_its_phase_its_start_and_its_counts() -> None:
    status = waiting_status(a_pod(status=RAN), "SaladCloudQuotaExceeded", "no", now=at(50), host_ip=HOST_IP)
    (container,) = status.containerStatuses or []
    assert (status.phase, status.startTime, container.restartCount) == ("Running", at(1), 4)
    assert container.lastState == (container_status(a_pod(status=RAN)) or container).lastState


def test_every_declared_container_of_a_refused_pod_is_shown() -> None:
    containers = [{"name": name, "image": name} for name in ("main", "sidecar")]
    pod = a_pod(spec={"containers": containers, "initContainers": [{"name": "setup", "image": "setup"}]})
    status = waiting_status(pod, "UnsupportedContainer", "no", now=at(5), host_ip=HOST_IP)
    assert [c.name for c in status.containerStatuses or []] == ["main", "sidecar"]
    assert [c.name for c in status.initContainerStatuses or []] == ["setup"]
    assert conditions(status)["Initialized"] == ("False", "ContainersNotInitialized")


def test_the_same_wait_is_written_once() -> None:
    pod = a_pod()
    written = with_status(pod, waiting_status(pod, "Why", "so", now=at(5), host_ip=HOST_IP), now=at(5))
    again = waiting_status(written, "Why", "so", now=at(60), host_ip=HOST_IP)
    assert status_patch(written.status, again, uid=UID, now=at(60)) is None


def test_a_lost_group_fails_the_pod_and_how_its_program_ended_is_unknown() -> None:
    status = lost_status(a_pod(status=RAN), now=at(50), host_ip=HOST_IP)
    (container,) = status.containerStatuses or []
    assert (status.phase, status.reason, container.restartCount) == ("Failed", "ContainerGroupDeleted", 4)
    assert container.state
    ended = container.state.terminated
    assert ended
    assert (ended.exitCode, ended.reason, ended.startedAt, ended.finishedAt) == (
        137,
        "ContainerStatusUnknown",
        at(2),
        at(50),
    )
    assert conditions(status)["Ready"] == ("False", "PodFailed")
    assert conditions(status)["DisruptionTarget"] == ("True", "TerminationByPlatform")


@pytest.mark.parametrize(
    ("status", "ran", "start"),
    [
        pytest.param({}, False, None, id="new"),
        pytest.param({"phase": "Pending"}, False, None, id="pending"),
        pytest.param({"phase": "Running"}, True, None, id="running-and-no-container"),
        pytest.param(RAN, True, at(2), id="running"),
        pytest.param(
            {
                "containerStatuses": [
                    {
                        "name": "main",
                        "image": "",
                        "imageID": "",
                        "ready": False,
                        "restartCount": 0,
                        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                        "lastState": {"terminated": {"exitCode": 1, "startedAt": "2026-01-02T03:00:03Z"}},
                    }
                ]
            },
            True,
            at(3),
            id="crashed",
        ),
        pytest.param(
            {"containerStatuses": [{**RAN["containerStatuses"][0], "name": "other"}]},
            False,
            None,
            id="another-container",
        ),
    ],
)
def test_whether_a_pod_has_run(status: dict[str, Any], ran: bool, start: object) -> None:
    pod = a_pod(status=status)
    assert (has_run(pod), last_start(container_status(pod))) == (ran, start)


@pytest.mark.parametrize(("startup", "readiness"), [(False, False), (True, False), (False, True)])
def test_probes_that_readiness_depends_on(startup: bool, readiness: bool) -> None:
    assert has_probes(a_pod(startup=startup, readiness=readiness)) is (startup or readiness)
