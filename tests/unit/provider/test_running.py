"""What of a pod runs, by its record and by itself, and how the rest is shown."""

from __future__ import annotations

from typing import Any

import pytest
from lightkube.models.core_v1 import ContainerStatus, PodStatus
from lightkube.resources.core_v1 import Pod

from scvk.provider.evidence import Evidence
from scvk.provider.observe import observe
from scvk.provider.pod_status import waiting_status
from scvk.provider.record import Record
from scvk.provider.running import running
from tests.unit.provider.evidence import HOST_IP, NAME, a_pod, an_event, at, our_group, with_status

CONTAINERS = [{"name": name, "image": name} for name in ("proxy", "main")]
INIT = [{"name": name, "image": "main"} for name in ("mesh", "migrate")]
RUNS = ("main", "migrate")


def the_pod(runs: tuple[str, ...] = RUNS, annotations: dict[str, str] | None = None, policy: str = "Always") -> Pod:
    own = {**Record(NAME, 0, runs).annotations(), **(annotations or {})}
    return a_pod(policy=policy, annotations=own, spec={"containers": CONTAINERS, "initContainers": INIT})


def shown(entries: list[ContainerStatus] | None) -> dict[str, str]:
    """Return how each container is shown, in one word."""
    words = {}
    for entry in entries or []:
        assert entry.state is not None
        state = entry.state.running or entry.state.waiting or entry.state.terminated
        words[entry.name] = getattr(state, "reason", None) or "running"
    return words


def test_the_record_says_what_runs() -> None:
    found = running(the_pod())
    assert found.main.name == "main"
    assert [each.name for each in found.init] == ["migrate"]
    assert [each.name for each in found.others] == ["proxy"]
    assert [each.name for each in found.other_init] == ["mesh"]
    assert found.chosen


@pytest.mark.parametrize(
    ("runs", "annotations", "main"),
    [
        ((), {}, "proxy"),
        ((), {"salad.com/container": " main "}, "main"),
        ((), {"salad.com/container": "gone"}, "proxy"),
        (("gone",), {}, "proxy"),
        (("migrate",), {}, "proxy"),
        (("", "main"), {}, "proxy"),
    ],
    ids=["nothing", "the pod", "nonsense of the pod", "nonsense", "an init container", "edited"],
)
def test_without_a_record_the_pod_itself_says_what_runs(
    runs: tuple[str, ...], annotations: dict[str, str], main: str
) -> None:
    found = running(the_pod(runs, annotations))
    assert found.main.name == main
    assert not found.chosen


def observed(pod: Pod, *events: Any, up: int = 1) -> PodStatus:
    return observe(pod, Evidence(our_group(running=up), events), now=at(60), host_ip=HOST_IP)


def test_containers_that_do_not_run_are_ended_and_count_for_nothing() -> None:
    status = observed(the_pod(), an_event(10, "Instance Running"))
    assert shown(status.containerStatuses) == {"main": "running", "proxy": "NotRun"}
    assert shown(status.initContainerStatuses) == {"migrate": "Completed", "mesh": "NotRun"}
    ended = (status.containerStatuses or [])[1].state
    assert ended is not None
    assert ended.terminated is not None
    assert ended.terminated.exitCode == 0
    assert {c.type: c.status for c in status.conditions or []}["Ready"] == "True"
    assert status.phase == "Running"


def test_init_containers_wait_until_the_program_has_begun() -> None:
    status = observed(the_pod(), up=0)
    assert shown(status.containerStatuses) == {"main": "ContainerCreating", "proxy": "NotRun"}
    assert shown(status.initContainerStatuses) == {"migrate": "PodInitializing", "mesh": "NotRun"}
    assert {c.type: (c.status, c.reason) for c in status.conditions or []}["Initialized"] == (
        "False",
        "ContainersNotInitialized",
    )


def test_the_end_of_the_one_that_runs_is_the_end_of_the_pod() -> None:
    events = (an_event(10, "Instance Running"), an_event(20, "Instance Exited:3 (Error)"))
    status = observed(the_pod(policy="Never"), *events, up=0)
    assert status.phase == "Failed"
    assert shown(status.containerStatuses) == {"main": "Error", "proxy": "NotRun"}


def test_what_was_told_as_ended_never_waits_again() -> None:
    pod = with_status(the_pod(), observed(the_pod(), up=0), now=at(60))
    status = waiting_status(pod, "SaladCloudQuotaExceeded", "no", now=at(90), host_ip=HOST_IP)
    assert shown(status.containerStatuses) == {"main": "SaladCloudQuotaExceeded", "proxy": "NotRun"}
