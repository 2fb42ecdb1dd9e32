"""What a pod is told to be, from what is known of its group: never better than it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lightkube.models.core_v1 import ContainerStatus, PodCondition, PodStatus
from lightkube.resources.core_v1 import Pod
from msgspec import structs

from scvk.kubelet.status import condition, status_patch
from scvk.provider.evidence import Evidence
from scvk.provider.observe import observe
from scvk.provider.timeline import PlatformEvent, merged
from scvk.saladcloud.models import ContainerGroup, ContainerGroupState, InstanceStatusCounts
from tests.unit.provider.evidence import HOST_IP, UID, a_group, a_pod, an_event, an_instance, at, with_status

RUNNING = "Instance Running"
EXIT_1 = "Instance Exited:1 (Error)"
EXIT_0 = "Instance Exited:0 (Exited Successfully)"
OOM = "Instance Exited:137 (Likely Out of System Memory)"
INTERRUPTED = "Instance Interrupted (Priority)"
READY = "Instance Ready (Readiness Probe Passed)"
NOT_READY = "Instance Not Ready (Readiness Probe Failure)"
PROBED = "Instance Startup Probe Passed"
Spoken = tuple[float, str]


def events(*spoken: Spoken) -> tuple[PlatformEvent, ...]:
    return merged((), [an_event(*each) for each in spoken])


class Life:
    """One pod, observed again and again, its status written each time as the kubelet does."""

    def __init__(self, pod: Pod, *, settles_after: int = 1) -> None:
        self.pod = pod
        self.settles_after = settles_after
        self.heard: tuple[PlatformEvent, ...] = ()

    def see(
        self, seconds: float, group: ContainerGroup, *spoken: Spoken, instance: Any = None, asked: float | None = None
    ) -> ContainerStatus:
        self.heard = merged(self.heard, events(*spoken))
        evidence = Evidence(group, self.heard, instance, None if asked is None else at(asked))
        looks = 0
        while True:
            now = at(seconds + looks)
            status = observe(self.pod, evidence, now=now, host_ip=HOST_IP)
            if status_patch(self.pod.status, status, uid=UID, now=now) is None:
                break
            looks += 1
            assert looks <= self.settles_after, "the same evidence must not change the status for ever"
            self.pod = with_status(self.pod, status, now=now)
        return only(self.pod.status)

    def forget(self) -> None:
        """The agent was started again, too late to hear of old events."""
        self.heard = ()

    @property
    def phase(self) -> str | None:
        return self.pod.status.phase if self.pod.status else None


def only(status: PodStatus | None) -> ContainerStatus:
    assert status is not None
    (container,) = status.containerStatuses or []
    return container


def state_of(container: ContainerStatus) -> tuple[str, str | None]:
    assert container.state is not None
    if container.state.running:
        return "running", None
    if container.state.waiting:
        return "waiting", container.state.waiting.reason
    assert container.state.terminated
    return f"terminated {container.state.terminated.exitCode}", container.state.terminated.reason


def last_end(container: ContainerStatus) -> tuple[int, str | None, float | None, float | None] | None:
    ended = container.lastState.terminated if container.lastState else None
    if ended is None:
        return None
    start, end = (None if t is None else (t - at(0)).total_seconds() for t in (ended.startedAt, ended.finishedAt))
    return ended.exitCode, ended.reason, start, end


NO_COUNTS = InstanceStatusCounts()


@pytest.mark.parametrize(
    ("group", "spoken", "policy", "phase", "state"),
    [
        pytest.param(a_group("pending"), [], "Always", "Pending", ("waiting", "ContainerCreating"), id="pending"),
        pytest.param(
            a_group("deploying", running=0), [], "Always", "Pending", ("waiting", "ContainerCreating"), id="deploying"
        ),
        pytest.param(
            a_group("running", running=0),
            [],
            "Always",
            "Pending",
            ("waiting", "ContainerCreating"),
            id="group-ran-pod-not-told",
        ),
        pytest.param(a_group("running", running=1), [], "Always", "Running", ("running", None), id="running"),
        pytest.param(a_group("deploying", running=1), [], "Always", "Running", ("running", None), id="early-count"),
        pytest.param(a_group("running"), [(1, RUNNING)], "Always", "Running", ("running", None), id="no-counts-event"),
        pytest.param(
            a_group("running", counts=NO_COUNTS), [(1, RUNNING)], "Always", "Running", ("running", None), id="no-number"
        ),
        pytest.param(a_group("running"), [], "Always", "Pending", ("waiting", "ContainerCreating"), id="nothing-shown"),
        pytest.param(
            a_group("running", running=0),
            [(1, RUNNING)],
            "Always",
            "Pending",
            ("waiting", "ContainerCreating"),
            id="the-event-is-ahead-of-the-listing",
        ),
        pytest.param(
            a_group("running", running=0),
            [(1, RUNNING), (2, EXIT_1)],
            "Always",
            "Running",
            ("waiting", "CrashLoopBackOff"),
            id="exit-always",
        ),
        pytest.param(
            a_group("running", running=0),
            [(1, RUNNING), (2, EXIT_0)],
            "Always",
            "Running",
            ("waiting", "CrashLoopBackOff"),
            id="exit-0-always",
        ),
        pytest.param(
            a_group("running", running=0),
            [(1, RUNNING), (2, EXIT_1)],
            "OnFailure",
            "Running",
            ("waiting", "CrashLoopBackOff"),
            id="exit-1-on-failure",
        ),
        pytest.param(
            a_group("running", running=0),
            [(1, RUNNING), (2, EXIT_0)],
            "OnFailure",
            "Succeeded",
            ("terminated 0", "Completed"),
            id="exit-0-on-failure",
        ),
        pytest.param(
            a_group("stopped", running=0),
            [(1, RUNNING), (2, EXIT_0)],
            "Never",
            "Succeeded",
            ("terminated 0", "Completed"),
            id="exit-0-never",
        ),
        pytest.param(
            a_group("running", running=0),
            [(1, RUNNING), (2, EXIT_1)],
            "Never",
            "Failed",
            ("terminated 1", "Error"),
            id="exit-1-never",
        ),
        pytest.param(
            a_group("running", running=0),
            [(1, RUNNING), (2, OOM)],
            "Never",
            "Failed",
            ("terminated 137", "OOMKilled"),
            id="out-of-memory",
        ),
        pytest.param(
            a_group("running", running=0),
            [(1, RUNNING), (2, "Instance Exited:137 (Error)")],
            "Never",
            "Failed",
            ("terminated 137", "Error"),
            id="killed-but-not-for-memory",
        ),
        pytest.param(
            a_group("running", running=0),
            [(1, "Instance Creating"), (2, "StartFailure:-1")],
            "Never",
            "Failed",
            ("terminated 128", "StartError"),
            id="start-failure",
        ),
        pytest.param(
            a_group("running", running=0),
            [(1, RUNNING), (2, INTERRUPTED), (2.5, "Instance Exited:137 (Error)")],
            "Never",
            "Running",
            ("waiting", "Reallocating"),
            id="an-interruption-is-no-exit",
        ),
        pytest.param(
            a_group("running", running=1),
            [(1, RUNNING), (2, EXIT_0)],
            "Never",
            "Running",
            ("running", None),
            id="the-listing-still-has-it-running",
        ),
        pytest.param(
            a_group("succeeded", running=0), [], "OnFailure", "Succeeded", ("terminated 0", "Completed"), id="succeeded"
        ),
        pytest.param(
            a_group("succeeded", running=0),
            [(1, RUNNING), (2, EXIT_0)],
            "Always",
            "Running",
            ("waiting", "CrashLoopBackOff"),
            id="succeeded-is-no-end-under-always",
        ),
        pytest.param(
            a_group("failed", description="no such image"),
            [],
            "Always",
            "Pending",
            ("waiting", "ErrImagePull"),
            id="image",
        ),
        pytest.param(
            a_group("failed", running=0),
            [],
            "Never",
            "Pending",
            ("waiting", "ContainerGroupFailed"),
            id="failed-and-nothing-says-that-it-was-the-image",
        ),
        pytest.param(
            a_group("failed", running=0),
            [(1, RUNNING), (2, INTERRUPTED)],
            "Never",
            "Failed",
            ("terminated 137", "ContainerStatusUnknown"),
            id="failed-after-a-run",
        ),
        pytest.param(
            a_group("failed", running=0),
            [(1, RUNNING), (2, INTERRUPTED)],
            "Always",
            "Running",
            ("waiting", "ContainerGroupFailed"),
            id="failed-after-a-run-always",
        ),
        pytest.param(a_group("stopped"), [], "Always", "Pending", ("waiting", "ContainerGroupStopped"), id="stopped"),
        pytest.param(
            a_group("stopped", running=0),
            [(1, RUNNING), (2, INTERRUPTED)],
            "Never",
            "Running",
            ("waiting", "ContainerGroupStopped"),
            id="stopped-by-hand-is-not-completed",
        ),
        pytest.param(
            a_group("hibernating", running=0), [], "Always", "Pending", ("waiting", "ContainerCreating"), id="new-word"
        ),
        pytest.param(a_group("hibernating", running=1), [], "Always", "Running", ("running", None), id="new-word-runs"),
        pytest.param(a_group(""), [], "Always", "Pending", ("waiting", "ContainerCreating"), id="no-word"),
    ],
)
def test_first_observation(
    group: ContainerGroup, spoken: Sequence[Spoken], policy: str, phase: str, state: tuple[str, str | None]
) -> None:
    life = Life(a_pod(policy=policy))
    container = life.see(10, group, *spoken)
    assert (life.phase, state_of(container)) == (phase, state)
    assert container.ready == (state[0] == "running")
    assert container.restartCount == 0


@pytest.mark.parametrize(
    ("group", "spoken", "instance", "message"),
    [
        pytest.param(a_group("pending"), [], None, "pulling image into SaladCloud", id="image"),
        pytest.param(a_group("deploying", running=0), [], None, "waiting for a machine", id="machine"),
        pytest.param(a_group("deploying", running=0), [(1, "Instance Allocated")], None, "downloading", id="got"),
        pytest.param(
            a_group("running", running=0),
            [(1, RUNNING), (2, INTERRUPTED), (3, "Instance Allocated")],
            None,
            "Instance Interrupted (Priority); another machine: downloading.",
            id="reallocated",
        ),
        pytest.param(a_group("deploying", running=0), [(1, "Instance Downloading")], None, "downloading", id="event"),
        pytest.param(
            a_group("deploying", running=0),
            [],
            an_instance("downloading", progress=41.7),
            "downloading 42 %",
            id="percent",
        ),
        pytest.param(a_group("deploying", running=0), [], an_instance("downloading"), "downloading", id="no-percent"),
        pytest.param(a_group("deploying", running=0), [], an_instance("creating"), "starting", id="creating"),
        pytest.param(
            a_group("deploying", running=0), [], an_instance("dreaming"), "waiting for a machine", id="new-word"
        ),
        pytest.param(a_group("deploying", running=0), [(1, "Instance Starting")], None, "starting", id="starting"),
        pytest.param(
            a_group("deploying", counts=InstanceStatusCounts(running_count=0, creating_count=1)),
            [],
            None,
            "starting",
            id="counted",
        ),
        pytest.param(
            a_group("failed", description="no such image"), [], None, "no such image", id="reason-of-a-failure"
        ),
        pytest.param(
            a_group("running", running=0),
            [(1, RUNNING), (2, INTERRUPTED)],
            None,
            "Instance Interrupted (Priority); waiting for another machine.",
            id="reallocating",
        ),
    ],
)
def test_words_for_people(group: ContainerGroup, spoken: Sequence[Spoken], instance: Any, message: str) -> None:
    life = Life(a_pod())
    container = life.see(10, group, *spoken, instance=instance, asked=9)
    assert container.state
    assert container.state.waiting
    assert container.state.waiting.message == message
    assert life.pod.status
    assert life.pod.status.message == message, "kubectl describe shows this one"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        pytest.param(59, "waiting for a machine", id="less-than-a-minute"),
        pytest.param(60, "waiting for a machine: 1 min", id="one"),
        pytest.param(239, "waiting for a machine: 3 min", id="whole-minutes"),
        pytest.param(14 * 60, "waiting for a machine: 10 min", id="fives"),
        pytest.param(59 * 60, "waiting for a machine: 55 min", id="nearly-an-hour"),
        pytest.param(60 * 60, "waiting for a machine: 1 h", id="an-hour"),
        pytest.param(100 * 60, "waiting for a machine: 1 h 30 min", id="halves-of-hours"),
        pytest.param(30 * 3600, "waiting for a machine: 30 h", id="a-day"),
    ],
)
def test_who_waits_for_a_machine_sees_for_how_long(seconds: float, words: str) -> None:
    group = a_group("deploying", running=0)
    status = observe(a_pod(), Evidence(group, events((0, "Container Group Started"))), now=at(seconds), host_ip=HOST_IP)
    assert status.message == words


def test_a_reallocation_is_waited_for_since_the_machine_went() -> None:
    life = Life(a_pod())
    life.see(11, UP, (10, RUNNING))
    life.see(320, DOWN, (20, INTERRUPTED))
    assert life.pod.status
    assert life.pod.status.message == "Instance Interrupted (Priority); waiting for another machine: 5 min."


@pytest.mark.parametrize(
    ("spoken", "why"),
    [
        ([(299, "Container Group Updated (Version 2)")], "the container group was updated; {}"),
        ([], "the instance is gone; {}."),
    ],
    ids=["updated", "no word of it"],
)
def test_a_run_whose_end_no_event_tells_is_waited_for_since_it_was_seen_gone(spoken: list[Spoken], why: str) -> None:
    life = Life(a_pod())
    life.see(11, UP, (10, RUNNING))
    words = []
    for seconds in (300, 310, 430):
        life.see(seconds, DOWN, *spoken)
        assert life.pod.status
        words.append(life.pod.status.message)
    plain = why.format("waiting for another machine")
    assert words == [plain, plain, why.format("waiting for another machine: 2 min")]


def test_the_end_of_a_run_that_was_updated_is_told_once() -> None:
    life = Life(a_pod())
    life.see(11, UP, (10, RUNNING))
    told = life.see(300, DOWN, (299, "Container Group Updated (Version 2)")).lastState
    assert life.see(320, DOWN, (318, RUNNING)).lastState == told, "the next start is heard of before it is listed"
    assert life.see(325, UP).lastState == told


def test_a_time_from_before_the_group_is_no_time_of_waiting() -> None:
    state = ContainerGroupState(status="deploying", start_time=at(-1e6))
    group = structs.replace(a_group(), current_state=state, create_time=at(0))
    assert observe(a_pod(), Evidence(group), now=at(600), host_ip=HOST_IP).message == "waiting for a machine"
    group = structs.replace(group, current_state=structs.replace(state, start_time=at(120)))
    assert observe(a_pod(), Evidence(group), now=at(600), host_ip=HOST_IP).message == "waiting for a machine: 8 min"


def test_an_hour_of_waiting_costs_few_writes() -> None:
    pod, writes = a_pod(), 0
    evidence = Evidence(a_group("deploying", running=0), events((0, "Container Group Started")))
    for seconds in range(0, 3600, 5):
        after = with_status(pod, observe(pod, evidence, now=at(seconds), host_ip=HOST_IP), now=at(seconds))
        writes, pod = writes + (after is not pod), after
    assert writes == 20


def test_a_group_that_gets_another_image_pulls_it_and_is_not_called_gone() -> None:
    life = Life(a_pod())
    life.see(11, UP, (10, RUNNING))
    container = life.see(20, a_group("pending", running=0))
    assert (life.phase, state_of(container)) == ("Running", ("waiting", "ContainerCreating"))


def test_what_a_pod_waited_for_is_not_told_of_one_that_runs() -> None:
    life = Life(a_pod())
    life.see(10, a_group("pending"))
    life.see(20, UP)
    assert life.pod.status
    assert life.pod.status.message is None


UP, DOWN = a_group("running", running=1), a_group("running", running=0)


def test_a_crash_loop_is_counted_once_for_each_new_start() -> None:
    life = Life(a_pod())
    counts = [
        life.see(11, UP, (10, RUNNING)).restartCount,
        life.see(21, DOWN, (20, EXIT_1)).restartCount,
        life.see(31, UP, (30, RUNNING)).restartCount,
        life.see(41, DOWN, (40, EXIT_1)).restartCount,
        life.see(
            61, UP, (45, "Instance Starting"), (50, EXIT_1), (55, "Instance Starting"), (60, RUNNING)
        ).restartCount,
    ]
    assert counts == [0, 0, 1, 1, 3]
    assert last_end(only(life.pod.status)) == (1, "Error", 45, 50)


def test_an_event_of_a_start_that_the_listing_does_not_show_yet_is_counted_once() -> None:
    life = Life(a_pod())
    life.see(11, UP, (10, RUNNING))
    waiting = [life.see(30 + n, DOWN, (20, EXIT_1), (30, RUNNING)).restartCount for n in range(4)]
    assert waiting == [0, 0, 0, 0]
    assert life.see(40, UP).restartCount == 1


def test_a_start_seen_in_the_listing_first_is_the_same_start_when_its_event_comes() -> None:
    for event_at in (8, 10.4, 14):  # the platform's clock may be behind ours, or ahead
        life = Life(a_pod())
        life.see(10, UP)
        container = life.see(20, UP, (5, "Instance Starting"), (event_at, RUNNING))
        assert container.restartCount == 0
        assert container.lastState is None
        assert container.state
        assert container.state.running
        assert container.state.running.startedAt == at(10)


def test_a_short_job_whose_events_come_after_the_listing_saw_it_run_still_ends() -> None:
    life = Life(a_pod(policy="Never"))
    life.see(10, UP)
    container = life.see(15, DOWN, (7, RUNNING), (9, "Instance Exited:3 (Error)"))
    assert (life.phase, state_of(container)) == ("Failed", ("terminated 3", "Error"))


@pytest.mark.parametrize(
    ("policy", "exit_event", "phase"),
    [("Never", EXIT_0, "Succeeded"), ("Never", EXIT_1, "Failed"), ("OnFailure", EXIT_0, "Succeeded")],
)
@pytest.mark.parametrize(
    ("spoken", "seconds"),
    [
        pytest.param([(1, RUNNING), (2, "exit"), (3, RUNNING)], 10, id="another-start-is-known"),
        pytest.param([(1, RUNNING), (2, "exit")], 90, id="the-listing-goes-on-to-show-it"),
        pytest.param([(1, RUNNING), (2, "exit"), (3, RUNNING), (4, "Instance Exited:9 (Error)")], 10, id="and-ended"),
    ],
)
def test_a_program_that_is_run_again_after_its_final_exit_does_not_bring_its_pod_back(
    policy: str, exit_event: str, phase: str, spoken: Sequence[Spoken], seconds: float
) -> None:
    life = Life(a_pod(policy=policy))
    told = [(time, exit_event if text == "exit" else text) for time, text in spoken]
    container = life.see(seconds, UP, *told)
    assert (life.phase, container.restartCount) == (phase, 0)
    assert container.state
    assert container.state.terminated
    assert (container.state.terminated.finishedAt, container.ready) == (at(2), False)


def test_a_failure_that_is_started_again_as_its_policy_says_is_no_end() -> None:
    life = Life(a_pod(policy="OnFailure"))
    container = life.see(10, UP, (1, RUNNING), (2, EXIT_1), (3, RUNNING))
    assert (life.phase, container.restartCount) == ("Running", 1)


def test_a_reallocation_keeps_the_phase_and_counts_when_the_program_runs_again() -> None:
    life = Life(a_pod())
    life.see(11, UP, (10, RUNNING))
    moved = life.see(21, DOWN, (20, INTERRUPTED))
    assert (life.phase, state_of(moved), moved.ready, moved.restartCount) == (
        "Running",
        ("waiting", "Reallocating"),
        False,
        0,
    )
    assert last_end(moved) == (137, "ContainerStatusUnknown", 10, 20)
    again = life.see(31, UP, (30, RUNNING))
    assert (life.phase, state_of(again), again.restartCount) == ("Running", ("running", None), 1)


@pytest.mark.parametrize("event_at", [24, 30, 34], ids=["before-the-listing", "with-it", "clock-ahead"])
def test_a_start_whose_event_is_lost_counts_and_counts_once_when_the_event_comes_after_all(event_at: float) -> None:
    life = Life(a_pod())
    life.see(11, UP, (10, RUNNING))
    life.see(21, DOWN, (20, INTERRUPTED))
    unheard = life.see(30, UP)
    assert (unheard.restartCount, last_end(unheard)) == (1, (137, "ContainerStatusUnknown", 10, 20))
    assert unheard.state
    assert unheard.state.running
    assert unheard.state.running.startedAt == at(30)
    heard = life.see(40, UP, (event_at, RUNNING))
    assert heard.restartCount == 1
    assert life.see(51, UP, (45, EXIT_1), (50, RUNNING)).restartCount == 2


def test_reallocations_count_also_where_no_events_come_at_all() -> None:
    life = Life(a_pod())
    counts = [life.see(10 * n, DOWN if n % 2 else UP).restartCount for n in range(7)]
    assert counts == [0, 0, 1, 1, 2, 2, 3]
    life.forget()
    assert life.see(100, UP).restartCount == 3


def test_an_end_that_nobody_reported_is_unknown_until_its_event_comes() -> None:
    life = Life(a_pod())
    life.see(11, UP, (10, RUNNING))
    assert last_end(life.see(25, DOWN)) == (137, "ContainerStatusUnknown", 10, 25)
    assert last_end(life.see(30, DOWN, (20, OOM))) == (137, "OOMKilled", 10, 20)


def test_how_a_program_ended_is_waited_for_where_the_listing_shows_its_failure_first() -> None:
    life = Life(a_pod(policy="Never"))
    life.see(11, UP, (10, RUNNING))
    failed = a_group("failed", running=0, finished=20)
    waiting = life.see(21, failed).state
    assert waiting
    assert waiting.waiting
    assert life.phase == "Running"
    state = life.see(24, failed, (20, EXIT_1)).state
    ended = state.terminated if state else None
    assert (life.phase, ended and ended.exitCode, ended and ended.reason) == ("Failed", 1, "Error")


def test_a_run_that_only_events_told_of_counts_where_the_group_has_failed_since() -> None:
    life = Life(a_pod(policy="Never"))
    failed = a_group("failed", running=0, finished=20)
    life.see(21, failed, (10, RUNNING))
    assert life.phase == "Running"
    state = life.see(51, failed).state
    ended = state.terminated if state else None
    assert (life.phase, ended and ended.exitCode, ended and ended.startedAt) == ("Failed", 137, at(10))


def test_a_group_that_was_started_and_failed_ends_its_pod_also_where_nothing_was_heard_of_a_run() -> None:
    life = Life(a_pod(policy="Never"))
    failed = a_group("failed", running=0, started=5, finished=20)
    life.see(21, failed)
    assert life.phase == "Pending"
    state = life.see(51, failed).state
    assert state
    assert state.terminated
    assert (life.phase, state.terminated.reason) == ("Failed", "ContainerStatusUnknown")


def test_a_group_whose_image_could_not_be_pulled_does_not_end_its_pod_though_it_was_started() -> None:
    life = Life(a_pod(policy="Never"))
    life.see(100, a_group("failed", running=0, started=5, finished=20, description="no such image"))
    assert life.phase == "Pending"


@pytest.mark.parametrize("updated", [[(15, "Container Group Updated (Version 2)")], []], ids=["heard-of", "lost"])
def test_a_changed_image_that_cannot_be_pulled_is_waited_for_whatever_the_policy(
    updated: list[tuple[float, str]],
) -> None:
    life = Life(a_pod(policy="Never"))
    life.see(11, UP, (10, RUNNING))
    failed = a_group("failed", running=0, finished=20, description="no such image", version=2)
    life.see(21, failed, *updated)
    container = life.see(60, failed)
    assert (life.phase, state_of(container)) == ("Running", ("waiting", "ErrImagePull"))


@pytest.mark.parametrize(("started", "finished"), [(5, None), (None, 20), (25, 20)])
def test_a_failure_ends_no_pod_where_it_is_not_certain_that_its_group_ever_ran(
    started: float | None, finished: float | None
) -> None:
    life = Life(a_pod(policy="Never"))
    life.see(100, a_group("failed", running=0, started=started, finished=finished))
    assert life.phase == "Pending"


def test_a_clock_that_is_hours_off_does_not_hold_an_end_back() -> None:
    life = Life(a_pod(policy="Never"))
    life.see(11, UP, (10, RUNNING))
    life.see(21, a_group("failed", running=0, finished=20 + 7200))
    assert life.phase == "Failed"


def test_a_failure_from_before_a_run_is_not_its_end() -> None:
    life = Life(a_pod(policy="Never"))
    life.see(100, a_group("failed", running=0, finished=20), (90, RUNNING))
    assert life.phase == "Pending"
    life.see(101, UP)
    assert life.phase == "Running"


def test_an_exit_that_comes_after_the_next_start_becomes_the_last_state() -> None:
    life = Life(a_pod())
    life.see(11, UP, (10, RUNNING))
    again = life.see(31, UP, (30, RUNNING))
    assert (again.restartCount, last_end(again)) == (1, (137, "ContainerStatusUnknown", 10, 30))
    late = life.see(35, UP, (20, EXIT_1))
    assert (late.restartCount, last_end(late)) == (1, (1, "Error", 10, 20))


@pytest.mark.parametrize(
    ("spoken", "restarts", "end"),
    [
        pytest.param([(9000, EXIT_1)], 0, (1, "Error", 10, 9000), id="exit"),
        pytest.param([(9000, INTERRUPTED)], 0, (137, "ContainerStatusUnknown", 10, 9000), id="interruption"),
        pytest.param([], 0, (137, "ContainerStatusUnknown", 10, 9100), id="nothing"),
    ],
)
def test_a_restarted_agent_that_hears_only_of_the_end_does_not_count_it_as_another_run(
    spoken: Sequence[Spoken], restarts: int, end: tuple[Any, ...]
) -> None:
    life = Life(a_pod())
    life.see(11, UP, (10, RUNNING))
    life.forget()
    ended = life.see(9100, DOWN, *spoken)
    assert (ended.restartCount, last_end(ended)) == (restarts, end)
    again = life.see(9201, UP, (9200, RUNNING))
    assert (again.restartCount, last_end(again)) == (restarts + 1, end)


def test_a_restarted_agent_that_hears_again_of_an_end_already_told_does_not_count_it() -> None:
    life = Life(a_pod())
    life.see(11, UP, (10, RUNNING))
    before = life.see(1001, DOWN, (1000, EXIT_1))
    life.forget()
    after = life.see(1100, DOWN, (1000, EXIT_1))
    assert (after.restartCount, last_end(after)) == (0, last_end(before))


def test_a_restarted_agent_that_hears_of_end_and_next_start_counts_one() -> None:
    life = Life(a_pod())
    life.see(11, UP, (10, RUNNING))
    life.forget()
    container = life.see(9100, UP, (9000, EXIT_1), (9010, "Instance Starting"), (9020, RUNNING))
    assert (container.restartCount, last_end(container)) == (1, (1, "Error", 10, 9000))


@pytest.mark.parametrize("readiness", [False, True])
def test_a_job_that_ended_while_the_agent_was_away_is_told_as_ended(readiness: bool) -> None:
    life = Life(a_pod(policy="Never", readiness=readiness))
    life.see(11, UP, (10, RUNNING))
    life.forget()
    life.see(9100, DOWN)
    container = life.see(9110, DOWN, (9000, EXIT_0))
    assert (life.phase, state_of(container)) == ("Succeeded", ("terminated 0", "Completed"))


@pytest.mark.parametrize(
    ("spoken", "instance", "asked", "ready"),
    [
        pytest.param([], None, None, False, id="nothing-said"),
        pytest.param([(2, READY)], None, None, True, id="event-ready"),
        pytest.param([(2, READY), (3, NOT_READY)], None, None, False, id="event-not-ready"),
        pytest.param([], an_instance(ready=True), 5, True, id="instance-ready"),
        pytest.param([], an_instance(ready=None), 5, False, id="instance-does-not-say"),
        pytest.param([(2, READY)], an_instance(ready=None), 5, True, id="instance-does-not-say-but-an-event"),
        pytest.param([(2, READY)], an_instance(ready=False), 5, False, id="instance-newer-than-event"),
        pytest.param([(6, READY)], an_instance(ready=False), 5, True, id="event-newer-than-instance"),
        pytest.param([(6, NOT_READY)], an_instance(ready=True), 5, False, id="bad-news-newer-than-instance"),
        pytest.param([(2, READY), (3, EXIT_1), (4, RUNNING)], None, None, False, id="of-the-run-before"),
        pytest.param(
            [(2, READY), (4, INTERRUPTED), (6, RUNNING)],
            an_instance(ready=True),
            3,
            False,
            id="instance-of-the-run-before",
        ),
        pytest.param([(6, EXIT_1)], an_instance(ready=True), 5, False, id="ended-by-the-events"),
        pytest.param([(6, EXIT_1)], an_instance(ready=True), 7, True, id="instance-newer-than-the-end"),
        pytest.param([], an_instance("allocating", ready=False), 5, False, id="instance-still-allocating"),
    ],
)
def test_readiness_behind_a_probe(spoken: Sequence[Spoken], instance: Any, asked: float | None, ready: bool) -> None:
    life = Life(a_pod(readiness=True))
    container = life.see(10, UP, (1, RUNNING), *spoken, instance=instance, asked=asked)
    assert container.ready is ready
    for kind in ("ContainersReady", "Ready"):
        found = condition(life.pod.status, kind)
        assert found
        assert found.status == ("True" if ready else "False")


@pytest.mark.parametrize(
    ("startup", "readiness", "spoken", "started", "ready"),
    [
        pytest.param(False, False, [], True, True, id="no-probes"),
        pytest.param(True, False, [], False, False, id="startup-probe-has-not-passed"),
        pytest.param(True, False, [(2, PROBED)], True, True, id="startup-probe-passed"),
        pytest.param(True, True, [(2, PROBED)], True, False, id="started-and-not-ready-yet"),
        pytest.param(True, True, [(2, READY)], True, True, id="ready-means-started"),
        pytest.param(False, True, [], True, False, id="no-startup-probe"),
    ],
)
def test_started(startup: bool, readiness: bool, spoken: Sequence[Spoken], started: bool, ready: bool) -> None:
    container = Life(a_pod(startup=startup, readiness=readiness)).see(10, UP, (1, RUNNING), *spoken)
    assert (container.started, container.ready) == (started, ready)


def test_what_was_told_ready_stays_ready_after_a_restart_of_the_agent() -> None:
    life = Life(a_pod(startup=True, readiness=True))
    life.see(10, UP, (1, RUNNING), (2, PROBED), (3, READY))
    life.forget()
    assert life.see(9000, UP).ready


def test_the_instance_that_was_told_stays_told_until_another_run() -> None:
    life = Life(a_pod())
    assert (life.see(10, UP).containerID or "").endswith(UP.id)
    assert (life.see(15, UP, (10, RUNNING)).containerID or "").endswith(f"{UP.id}/i1")
    life.forget()
    assert (life.see(9000, UP).containerID or "").endswith(f"{UP.id}/i1")
    assert (life.see(9010, DOWN).containerID or "").endswith(f"{UP.id}/i1"), "as a kubelet: that of its last run"
    assert (life.see(9020, UP).containerID or "").endswith(UP.id)


def test_an_end_tells_of_which_container_it_is() -> None:
    life = Life(a_pod())
    assert life.see(5, a_group("deploying", running=0)).containerID is None
    life.see(11, UP, (10, RUNNING))
    crashed = life.see(21, DOWN, (20, EXIT_1))
    assert crashed.lastState
    assert crashed.lastState.terminated
    assert crashed.lastState.terminated.containerID == f"saladcloud://{UP.id}/i1"


def test_what_was_told_ready_is_not_ready_in_the_next_run() -> None:
    life = Life(a_pod(readiness=True))
    life.see(10, UP, (1, RUNNING), (3, READY))
    assert not life.see(20, UP, (12, RUNNING)).ready


def test_readiness_gates_are_left_to_the_kubelet() -> None:
    pod = a_pod(spec={"readinessGates": [{"conditionType": "lb"}]}, status={"conditions": []})
    status = observe(pod, Evidence(UP), now=at(10), host_ip=HOST_IP)
    assert [c.status for c in status.conditions or [] if c.type in ("ContainersReady", "Ready")] == ["True", "True"]
    assert not any(c.type == "lb" for c in status.conditions or []), "other people's conditions are left alone"


def test_the_pod_around_the_container() -> None:
    life = Life(a_pod())
    life.see(10, UP)
    life.see(99, DOWN)
    status = life.pod.status
    assert status
    assert (status.startTime, status.hostIP, status.podIP, status.observedGeneration) == (at(10), HOST_IP, None, 1)
    kinds = {c.type: c.status for c in status.conditions or []}
    assert kinds == {
        "PodReadyToStartContainers": "True",
        "Initialized": "True",
        "ContainersReady": "False",
        "Ready": "False",
        "PodScheduled": "True",
    }


@pytest.mark.parametrize(
    ("policy", "group", "spoken", "disrupted"),
    [
        pytest.param("Never", a_group("failed", running=0), [(1, RUNNING), (2, INTERRUPTED)], True, id="given-up"),
        pytest.param("Never", a_group("failed", running=0), [(1, RUNNING), (2, EXIT_1)], False, id="exit"),
        pytest.param("Never", a_group("running", running=0), [(1, RUNNING), (2, INTERRUPTED)], False, id="moves"),
        pytest.param("Never", a_group("running", running=0), [(1, RUNNING), (2, OOM)], False, id="out-of-memory"),
        pytest.param("Always", a_group("failed", running=0), [(1, RUNNING), (2, INTERRUPTED)], False, id="not-an-end"),
        pytest.param("Never", a_group("succeeded", running=0), [(1, RUNNING)], False, id="succeeded"),
    ],
)
def test_a_pod_that_the_platform_ended_is_told_as_disrupted_in_the_same_patch(
    policy: str, group: ContainerGroup, spoken: Sequence[Spoken], disrupted: bool
) -> None:
    pod = a_pod(policy=policy)
    status = observe(pod, Evidence(group, events(*spoken)), now=at(10), host_ip=HOST_IP)
    found = condition(status, "DisruptionTarget")
    assert (found is not None) == disrupted
    if found:
        assert (found.status, found.reason) == ("True", "TerminationByPlatform")
        assert status.phase == "Failed"


def test_ephemeral_containers_wait_and_count_for_nothing() -> None:
    pod = a_pod(spec={"ephemeralContainers": [{"name": "debug", "image": "busybox"}]})
    status = observe(pod, Evidence(UP), now=at(10), host_ip=HOST_IP)
    [debug] = status.ephemeralContainerStatuses or []
    assert (debug.name, debug.image, debug.ready) == ("debug", "busybox", False)
    assert state_of(debug) == ("waiting", "EphemeralContainersNotSupported")
    ready = condition(status, "Ready")
    assert ready
    assert ready.status == "True"


def test_a_condition_of_the_scheduler_is_not_written_over() -> None:
    scheduled = PodCondition(type="PodScheduled", status="True", reason="Placed")
    pod = a_pod(status={"conditions": [{"type": "PodScheduled", "status": "True", "reason": "Placed"}]})
    status = observe(pod, Evidence(UP), now=at(10), host_ip=HOST_IP)
    assert not any(c.type == "PodScheduled" for c in status.conditions or [])
    assert condition(pod.status, "PodScheduled") == scheduled


texts = st.sampled_from(
    [
        RUNNING,
        EXIT_0,
        EXIT_1,
        OOM,
        "StartFailure:-1",
        INTERRUPTED,
        "Instance Restarted",
        "Instance Allocated",
        "Instance Downloading",
        "Instance Starting",
        PROBED,
        READY,
        NOT_READY,
        "Container Group Stopped",
        "Instance Teleported",
    ]
)
groups = st.builds(
    lambda status, running: a_group(status, running=running),
    st.sampled_from(["pending", "deploying", "running", "running", "running", "stopped", "succeeded", "failed", "new"]),
    st.sampled_from([None, 0, 1, 1]),
)
instances = st.none() | st.builds(
    lambda state, ready, started: an_instance(state, ready=ready, started=started),
    st.sampled_from(["allocating", "downloading", "creating", "running", "stopping", "new"]),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, True, False]),
)
looks = st.tuples(
    groups,
    st.lists(st.tuples(st.floats(-90, 5), texts), max_size=4),
    instances,
    st.floats(-60, 0),
    st.booleans(),
)
pods = st.builds(
    lambda policy, startup, readiness: a_pod(policy=policy, startup=startup, readiness=readiness),
    st.sampled_from(["Always", "OnFailure", "Never"]),
    st.booleans(),
    st.booleans(),
)
PHASES = ["Pending", "Running", "Succeeded", "Failed"]


@settings(max_examples=100)
@given(pods, st.lists(looks, max_size=8))
def test_no_evidence_makes_a_status_illegal(pod: Pod, seen: list[Any]) -> None:
    life = Life(pod, settles_after=2)  # contradictory events may need a second look
    restarts, phase = 0, "Pending"
    for number, (group, spoken, instance, asked, agent_restarts) in enumerate(seen, start=1):
        if agent_restarts:
            life.forget()
        now = 100.0 * number
        finished = life.phase in ("Succeeded", "Failed")
        container = life.see(now, group, *((now + t, text) for t, text in spoken), instance=instance, asked=now + asked)
        assert container.restartCount >= restarts
        assert PHASES.index(life.phase or "Pending") >= PHASES.index(phase)
        assert not finished or life.phase == phase
        assert not container.ready or state_of(container)[0] == "running"
        assert state_of(container)[0].startswith("terminated") == (life.phase in ("Succeeded", "Failed"))
        restarts, phase = container.restartCount, life.phase or "Pending"
