"""Which part of a group's log is shown for which question."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.log_source import LogRequest, NoLog
from scvk.provider.pod_status import container_status
from scvk.provider.program_log.spans import CLOCKS_APART, Span, ended_since, span_of
from scvk.provider.timeline import PlatformEvent
from tests.unit.provider.evidence import START, a_pod, at

NOW = LogRequest("main")
PREVIOUS = LogRequest("main", previous=True)


def iso(seconds: float) -> str:
    return at(seconds).isoformat().replace("+00:00", "Z")


def running(since: float) -> dict[str, Any]:
    return {"running": {"startedAt": iso(since)}}


def ended(start: float, end: float, *, code: int = 1, reason: str = "Error") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "startedAt": iso(start), "finishedAt": iso(end)}}


WAITS = {"waiting": {"reason": "CrashLoopBackOff"}}


def pod(state: Mapping[str, Any] | None = None, last: Mapping[str, Any] | None = None, **given: Any) -> Pod:
    container = {"name": "main", "image": "", "imageID": "", "ready": False, "restartCount": 0}
    entry = {**container, "state": state or {}, **({"lastState": last} if last else {})}
    made = a_pod(status={"phase": "Running", "containerStatuses": [entry]} if state else None, **given)
    assert made.metadata is not None
    made.metadata.creationTimestamp = START
    return made


def events(*told: tuple[float, str]) -> list[PlatformEvent]:
    return [PlatformEvent(at(second), text, "instance") for second, text in told]


RESTARTED = events((10.5, "Instance Running"), (20.25, "Instance Exited:1 (Error)"), (22.75, "Instance Running"))


@pytest.mark.parametrize(
    ("of", "told", "request_", "start", "end"),
    [
        pytest.param(pod(running(10)), (), NOW, 0.0, None, id="the first run: all since the pod was made"),
        pytest.param(
            pod(running(22), ended(10, 20)), RESTARTED, NOW, 20.25, None, id="restarted: since the end before"
        ),
        pytest.param(pod(running(22), ended(10, 20)), RESTARTED, PREVIOUS, 0.0, 20.25, id="previous"),
        pytest.param(pod(running(22), ended(10, 20)), (), NOW, 21.0, None, id="restarted, by the status alone"),
        pytest.param(pod(running(22), ended(10, 20)), (), PREVIOUS, 0.0, 21.0, id="previous, by the status alone"),
        pytest.param(pod(running(20), ended(10, 20)), (), NOW, 20.0, None, id="restarted within a second"),
        pytest.param(pod(WAITS, ended(10, 20)), RESTARTED[:2], NOW, 0.0, 20.25 + 10, id="between two runs: the last"),
        pytest.param(pod(WAITS, ended(10, 20)), RESTARTED[:2], PREVIOUS, 0.0, 20.25 + 10, id="previous between two"),
        pytest.param(pod(ended(10, 20, code=0), policy="Never"), (), NOW, 0.0, 20.0 + 10, id="ended"),
    ],
)
def test_span(of: Pod, told: list[PlatformEvent], request_: LogRequest, start: float, end: float | None) -> None:
    assert CLOCKS_APART.total_seconds() == 10
    assert span_of(of, told, request_) == Span(at(start), at(end) if end is not None else None)


@pytest.mark.parametrize(
    ("of", "request_", "words"),
    [
        pytest.param(
            pod({"waiting": {"reason": "ContainerCreating", "message": "downloading 42 %"}}),
            NOW,
            r'container "main" in pod "web" is waiting to start: ContainerCreating \(downloading 42 %\)',
            id="not started",
        ),
        pytest.param(pod(), NOW, "is waiting to start", id="nothing known"),
        pytest.param(
            pod(running(10)), PREVIOUS, 'previous terminated container "main" in pod "web" not found', id="first"
        ),
        pytest.param(
            pod(running(10), spec={"initContainers": [{"name": "setup", "image": "nginx"}]}),
            LogRequest("setup"),
            'runs in the container "main"',
            id="init container",
        ),
        pytest.param(
            pod(
                running(10),
                annotations={"salad.com/container": "main"},
                spec={"containers": [{"name": "main", "image": "nginx"}, {"name": "side", "image": "nginx"}]},
            ),
            LogRequest("side"),
            'only "main" is',
            id="a container that is not run",
        ),
    ],
)
def test_no_log_says_why(of: Pod, request_: LogRequest, words: str) -> None:
    with pytest.raises(NoLog, match=words):
        span_of(of, (), request_)


@pytest.mark.parametrize(
    ("state", "last", "expected"),
    [
        pytest.param(running(10), None, None, id="it runs"),
        pytest.param(ended(10, 20), None, 20, id="it ended"),
        pytest.param(ended(8, 20), None, 20, id="it ended, and had begun earlier than was known"),
        pytest.param(running(22), ended(8, 20), 20, id="the same, and it runs again"),
        pytest.param(running(22), ended(10, 20), 20, id="it ended and runs again"),
        pytest.param(
            running(22), ended(10, 20, reason="ContainerStatusUnknown"), None, id="its machine was taken away"
        ),
        pytest.param(running(10), ended(1, 10), None, id="the run before ended in the second of the start"),
    ],
)
def test_a_follower_ends_with_the_exit_of_the_run_that_it_follows(
    state: dict[str, Any], last: dict[str, Any] | None, expected: float | None
) -> None:
    began: datetime = at(10)
    assert ended_since(container_status(pod(state, last)), began) == (at(expected) if expected is not None else None)
