"""Events are told when something moves, and once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from lightkube.models.core_v1 import PodStatus

from scvk.kubelet.provider import PodEvent
from scvk.provider.ends import UNSEEN_END
from scvk.provider.transitions import events_between
from tests.unit.provider.evidence import a_pod, at, with_status


def a_status(
    state: dict[str, Any] | None, *, ready: bool = False, restarts: int = 0, last: dict[str, Any] | None = None
) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": "nginx",
        "imageID": "",
        "ready": ready,
        "restartCount": restarts,
        "state": state,
        "lastState": last,
    }
    return {"phase": "Running", "containerStatuses": [container]}


NEW: dict[str, Any] = {}
CREATING = a_status({"waiting": {"reason": "ContainerCreating", "message": "waiting for a machine"}})
PULLING = a_status({"waiting": {"reason": "ContainerCreating", "message": "pulling image into SaladCloud"}})
NO_IMAGE = a_status({"waiting": {"reason": "ErrImagePull", "message": "no such image"}})
DOWNLOADING = a_status({"waiting": {"reason": "ContainerCreating", "message": "downloading 42 %"}})
RUNS = a_status({"running": {"startedAt": "2026-01-02T03:00:01Z"}}, ready=True)
RUNS_NOT_READY = a_status({"running": {"startedAt": "2026-01-02T03:00:01Z"}})
RUNS_AGAIN = a_status({"running": {"startedAt": "2026-01-02T03:00:09Z"}}, ready=True, restarts=1)
CRASHED = a_status({"waiting": {"reason": "CrashLoopBackOff", "message": "exit 1"}})
UNSEEN = {"terminated": {"exitCode": 137, "message": UNSEEN_END}}
INTERRUPTED = {"terminated": {"exitCode": 137, "message": "Instance Interrupted (Priority); SaladCloud does not …"}}
MOVED = a_status({"waiting": {"reason": "Reallocating", "message": "interrupted"}}, last=INTERRUPTED)
GONE = a_status({"waiting": {"reason": "Reallocating", "message": "waiting"}}, last=UNSEEN)
GONE_A_MINUTE = a_status({"waiting": {"reason": "Reallocating", "message": "waiting: 1 min"}}, last=UNSEEN)
CRASHED_AGAIN = a_status(
    {"waiting": {"reason": "CrashLoopBackOff", "message": "exit 1"}},
    last={"terminated": {"exitCode": 1, "finishedAt": "2026-01-02T03:00:30Z"}},
    restarts=1,
)
NO_QUOTA = a_status({"waiting": {"reason": "SaladCloudQuotaExceeded", "message": "10 of 10"}})
NO_QUOTA_STILL = a_status({"waiting": {"reason": "SaladCloudQuotaExceeded", "message": "12 of 12"}})
SILENT = a_status({"waiting": {}})
STOPPED = a_status({"waiting": {"reason": "ContainerGroupStopped", "message": "stopped"}})
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
        pytest.param(CRASHED, CRASHED_AGAIN, [("BackOff", True)], id="back-off-after-another-end"),
        pytest.param(RUNS, MOVED, [], id="the-platform-tells-why-it-moves"),
        pytest.param(RUNS, GONE, [("Reallocating", True)], id="reallocating-and-nobody-says-why"),
        pytest.param(GONE, GONE_A_MINUTE, [], id="the-minutes-of-waiting-are-quiet"),
        pytest.param(NEW, PULLING, [("Pulling", False)], id="pulling"),
        pytest.param(PULLING, CREATING, [("Pulled", False)], id="pulled"),
        pytest.param(PULLING, RUNS, [("Pulled", False), ("Started", False)], id="pulled-and-started"),
        pytest.param(PULLING, NO_IMAGE, [("Failed", True)], id="no-image"),
        pytest.param(PULLING, STOPPED, [("ContainerGroupStopped", True)], id="stopped-before-it-was-pulled"),
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


def told(before: dict[str, Any], after: dict[str, Any], **more: Any) -> list[PodEvent]:
    return list(events_between(a_pod(status=before), msgspec.convert(after, PodStatus), **more))


def test_a_start_and_an_end_are_told_with_their_own_time_so_that_they_count_once() -> None:
    [started] = told(CREATING, RUNS)
    assert (started.message, started.at) == ("Started container main", at(1))
    [back_off] = told(CRASHED, CRASHED_AGAIN)
    assert (back_off.message, back_off.at) == ("exit 1", at(30))


@pytest.mark.parametrize(("seconds", "words"), [(None, ""), (4.4, " in 4s"), (130, " in 2m10s")])
def test_pulled_says_how_long_it_took_where_that_is_known(seconds: float | None, words: str) -> None:
    [pulled] = told(PULLING, CREATING, pulled_in_s=seconds)
    assert pulled.message == f'Successfully pulled image "nginx" into SaladCloud{words}'


def test_an_image_that_cannot_be_had_is_told_in_the_platforms_words() -> None:
    [failed] = told(PULLING, NO_IMAGE)
    assert failed.message == 'Failed to pull image "nginx": no such image'


def test_an_ephemeral_container_is_answered_once() -> None:
    debug = {"name": "debug", "image": "busybox", "imageID": "", "ready": False, "restartCount": 0}
    with_debug = {**RUNS, "ephemeralContainerStatuses": [debug]}
    assert [event.reason for event in told(RUNS, with_debug)] == ["EphemeralContainersNotSupported"]
    assert told(with_debug, with_debug) == []
