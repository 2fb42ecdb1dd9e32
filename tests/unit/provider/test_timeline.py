"""The platform's words become kinds of events, and events become runs of the program."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.provider.timeline import KEPT_EVENTS, EventKind, PlatformEvent, Run, event_of, merged, runs_of
from scvk.saladcloud.models import LogEntry, LogEntryResource
from tests.unit.provider.evidence import an_event, at

WORDING = {
    "Container Group Started": EventKind.GROUP,
    "Container Group Stopped": EventKind.GROUP,
    "Container Group Updated (Version 2)": EventKind.GROUP,
    "Desired Replica Count Updated from 1 to 0": EventKind.GROUP,
    "Container Group Desired Replica Count Updated from 1 to 0": EventKind.GROUP,
    "Instance Allocated": EventKind.PROGRESS,
    "Instance Downloading": EventKind.PROGRESS,
    "Instance Creating": EventKind.PROGRESS,
    "Instance Starting": EventKind.PROGRESS,
    "Instance Running": EventKind.RUNNING,
    "Instance Restarted": EventKind.MOVED,
    "Instance Recreated": EventKind.MOVED,
    "Instance Reallocated by User": EventKind.MOVED,
    "Instance Reallocated by Platform": EventKind.MOVED,
    "Instance Interrupted (Priority)": EventKind.MOVED,
    "Instance Interrupted (Node Offline)": EventKind.MOVED,
    "Instance Interrupted (Requested Disk Space Exceeded)": EventKind.MOVED,
    "Instance Interrupted (Liveness Probe Failure)": EventKind.MOVED,
    "Instance Interrupted (Startup Probe Failure)": EventKind.MOVED,
    "Instance Exited:3 (Error)": EventKind.EXITED,
    "Instance Exited:137 (Likely Out of System Memory)": EventKind.EXITED,
    "Instance Exited:0 (Exited Successfully)": EventKind.EXITED,
    "StartFailure:-1": EventKind.START_FAILED,
    "Instance Startup Probe Passed": EventKind.STARTED,
    "Instance Ready (Readiness Probe Passed)": EventKind.READY,
    "Instance Not Ready (Readiness Probe Failure)": EventKind.NOT_READY,
    "instance running": EventKind.RUNNING,
    "Instance Teleported": EventKind.OTHER,
    "Instance Exited": EventKind.OTHER,
    "": EventKind.OTHER,
}


@pytest.mark.parametrize(("text", "kind"), WORDING.items())
def test_wording(text: str, kind: EventKind) -> None:
    assert an_event(0, text).kind is kind


@pytest.mark.parametrize(
    ("text", "code"),
    [("Instance Exited:3 (Error)", 3), ("Instance Exited: -1 (Error)", -1), ("Instance Exited:0", 0), ("x", None)],
)
def test_exit_codes(text: str, code: int | None) -> None:
    assert an_event(0, text).exit_code == code


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        pytest.param(
            {"type": "instance_controller", "group": "web", "text": " Instance Running\n"},
            ("web", PlatformEvent(at(1), "Instance Running", "i1", "m1")),
            id="instance-controller",
        ),
        pytest.param(
            {"type": "deployment_controller", "group": "web", "text": "Container Group Started"},
            ("web", PlatformEvent(at(1), "Container Group Started", "i1", "m1")),
            id="deployment-controller",
        ),
        pytest.param({"type": "container", "group": "web", "text": "Instance Running"}, None, id="a-program-says-so"),
        pytest.param({"type": "tomorrow", "group": "web", "text": "Instance Running"}, None, id="unknown-type"),
        pytest.param({"type": "instance_controller", "group": None, "text": "Instance Running"}, None, id="nameless"),
        pytest.param({"type": "instance_controller", "group": "web", "text": None}, None, id="json"),
    ],
)
def test_log_entries(entry: dict[str, Any], found: object) -> None:
    labels = {"container_group_name": entry["group"], "instance_id": "i1", "machine_id": "m1"}
    resource = LogEntryResource(type=entry["type"], labels=labels)
    assert event_of(LogEntry(time=at(1), resource=resource, text_log=entry["text"])) == found


def test_an_entry_without_instance_is_an_event_all_the_same() -> None:
    resource = LogEntryResource(
        type="deployment_controller", labels={"container_group_name": "web", "instance_id": None}
    )
    found = event_of(LogEntry(time=at(1), resource=resource, text_log="Container Group Started"))
    assert found == ("web", PlatformEvent(at(1), "Container Group Started"))


def test_only_the_newest_events_are_kept() -> None:
    events = merged((), [an_event(n, "Instance Running") for n in range(2 * KEPT_EVENTS)])
    assert len(events) == KEPT_EVENTS
    assert events[-1].time == at(2 * KEPT_EVENTS - 1)


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from(sorted(WORDING))), max_size=30), st.randoms())
def test_order_and_repetition_of_arrival_do_not_matter(spoken: list[tuple[int, str]], rng: random.Random) -> None:
    events = [an_event(*each) for each in spoken]
    shuffled = [*events, *events]
    rng.shuffle(shuffled)
    half = len(shuffled) // 2
    together = merged(merged((), shuffled[:half]), shuffled[half:])
    assert together == merged((), events)
    runs = runs_of(together)
    assert all(earlier.end is not None and earlier.end <= later.start for earlier, later in pairwise(runs))


LIFE = ("Instance Allocated", "Instance Downloading", "Instance Creating", "Instance Starting", "Instance Running")
AGAIN = "the platform started the program again"


def told(run: Run) -> tuple[Any, ...]:
    start = (run.start - at(0)).total_seconds()
    end = None if run.end is None else (run.end - at(0)).total_seconds()
    return start, end, run.exit_code, run.cause


@pytest.mark.parametrize(
    ("events", "runs"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([*enumerate(LIFE)], [(4, None, None, "")], id="first-start"),
        pytest.param(
            [
                (1, "Instance Running"),
                (5, "Instance Exited:3 (Error)"),
                (6, "Instance Starting"),
                (7, "Instance Running"),
            ],
            [(1, 5, 3, "Instance Exited:3 (Error)"), (7, None, None, "")],
            id="restart",
        ),
        pytest.param(
            [(1, "Instance Starting"), (2, "Instance Exited:1 (Error)")],
            [(1, 2, 1, "Instance Exited:1 (Error)")],
            id="exit-before-running",
        ),
        pytest.param(
            [(2, "Instance Exited:1 (Error)")], [(2, 2, 1, "Instance Exited:1 (Error)")], id="exit-and-nothing-else"
        ),
        pytest.param(
            [(1, "Instance Creating"), (2, "StartFailure:-1")], [(1, 2, 128, "StartFailure:-1")], id="start-failure"
        ),
        pytest.param(
            [
                (1, "Instance Running"),
                (5, "Instance Interrupted (Priority)"),
                (6, "Instance Allocated"),
                (9, "Instance Running"),
            ],
            [(1, 5, None, "Instance Interrupted (Priority)"), (9, None, None, "")],
            id="reallocation",
        ),
        pytest.param(
            [(1, "Instance Running"), (5, "Instance Interrupted (Node Offline)"), (6, "Instance Exited:137 (Error)")],
            [(1, 5, None, "Instance Interrupted (Node Offline)")],
            id="killed-by-the-interruption",
        ),
        pytest.param(
            [
                (1, "Instance Running"),
                (5, "Instance Exited:1 (Error)"),
                (6, "Instance Restarted"),
                (7, "Instance Running"),
            ],
            [(1, 5, 1, "Instance Exited:1 (Error)"), (7, None, None, "")],
            id="exit-and-then-restarted",
        ),
        pytest.param(
            [(1, "Instance Running"), (5, "Instance Running")],
            [(1, 5, None, AGAIN), (5, None, None, "")],
            id="running-twice",
        ),
        pytest.param(
            [(1, "Instance Interrupted (Priority)"), (2, "Container Group Stopped"), (3, "Instance Teleported")],
            [],
            id="nothing-that-runs",
        ),
        pytest.param(
            [(1, "Instance Exited:0 (Exited Successfully)"), (1, "Instance Running"), (1, "Instance Allocated")],
            [(1, 1, 0, "Instance Exited:0 (Exited Successfully)")],
            id="a-whole-life-in-one-time-stamp",
        ),
        pytest.param(
            [(1, "Instance Running"), (5, "Instance Exited:1 (Error)"), (5, "Instance Running")],
            [(1, 5, 1, "Instance Exited:1 (Error)"), (5, None, None, "")],
            id="end-and-next-start-in-one-time-stamp",
        ),
    ],
)
def test_runs(events: list[tuple[int, str]], runs: list[tuple[Any, ...]]) -> None:
    assert [told(run) for run in runs_of(merged((), [an_event(*each) for each in events]))] == runs


@pytest.mark.parametrize(
    ("texts", "started", "ready"),
    [
        pytest.param([], False, None, id="nothing-said"),
        pytest.param(["Instance Startup Probe Passed"], True, None, id="started"),
        pytest.param(["Instance Ready (Readiness Probe Passed)"], True, True, id="ready"),
        pytest.param(["Instance Ready", "Instance Not Ready"], True, False, id="not-ready-any-more"),
        pytest.param(["Instance Not Ready", "Instance Ready"], True, True, id="ready-again"),
        pytest.param(["Instance Ready", "Instance Exited:1 (Error)"], True, False, id="ended"),
        pytest.param(["Instance Ready", "Instance Running"], False, None, id="not-the-next-run"),
    ],
)
def test_probes_of_a_run(texts: list[str], started: bool, ready: bool | None) -> None:
    events = [an_event(number, text) for number, text in enumerate(["Instance Running", *texts])]
    last = runs_of(events)[-1]
    assert (last.started, last.ready) == (started, ready)


UPDATE = "Container Group Updated (Version 2)"


@pytest.mark.parametrize(
    ("events", "runs"),
    [
        ([(0, "Instance Running"), (5, UPDATE)], [(None, None, True)]),
        ([(0, "Instance Running"), (5, UPDATE), (6, "Instance Exited:143 (Error)")], [(6, 143, True)]),
        ([(0, "Instance Running"), (5, UPDATE), (9, "Instance Running")], [(9, None, True), (None, None, False)]),
        ([(0, UPDATE), (5, "Instance Running")], [(None, None, False)]),
        ([(0, "Instance Running"), (5, "Instance Exited:143 (Error)"), (5, UPDATE)], [(5, 143, True)]),
        ([(0, "Instance Running"), (5, "Desired Replica Count Updated from 1 to 1")], [(None, None, False)]),
    ],
    ids=["runs-on", "exits", "is-replaced", "begins-after", "at-the-same-time", "replicas"],
)
def test_a_run_whose_group_is_changed_has_to_end(
    events: list[tuple[int, str]], runs: list[tuple[int | None, int | None, bool]]
) -> None:
    found = runs_of([an_event(seconds, text) for seconds, text in events])
    told = [(None if end is None else at(end), code, updated) for end, code, updated in runs]
    assert [(run.end, run.exit_code, run.updated) for run in found] == told
