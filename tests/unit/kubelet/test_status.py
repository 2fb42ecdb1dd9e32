"""The patch from the status a pod has to the one it should have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightkube.models.core_v1 import PodStatus

from scvk.kubelet.status import condition, is_finished, status_patch, stopped_status, whole_seconds
from tests.unit.kubelet.builders import pod, running, status
from tests.unit.kubelet.strategic_merge import strategic_merge

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
NOW_TEXT = "2026-03-01T12:00:00Z"
EARLIER = "2026-03-01T11:00:00Z"


def patch(current: dict[str, Any] | None, desired: dict[str, Any]) -> dict[str, Any] | None:
    before = None if current is None else status(current)
    return status_patch(before, status(desired), uid="uid-a", now=NOW)


def changes(current: dict[str, Any] | None, desired: dict[str, Any]) -> dict[str, Any]:
    made = patch(current, desired)
    assert made is not None
    body: dict[str, Any] = made["status"]
    return body


# -- what is written -------------------------------------------------------------------------------------------------


def test_the_patch_holds_only_for_this_very_pod() -> None:
    assert patch({"phase": "Pending"}, {"phase": "Running"}) == {
        "metadata": {"uid": "uid-a"},
        "status": {"phase": "Running"},
    }


@pytest.mark.parametrize(
    ("current", "desired"),
    [
        pytest.param(running(), running(), id="the same"),
        pytest.param({"phase": "Pending", "containerStatuses": []}, {"phase": "Pending"}, id="empty and absent"),
        pytest.param(
            {"phase": "Running", "startTime": EARLIER}, {"phase": "Running", "startTime": NOW_TEXT}, id="start time"
        ),
        pytest.param({"phase": "Succeeded"}, running(), id="finished"),
        pytest.param({"phase": "Failed", "reason": "Evicted"}, {"phase": "Succeeded"}, id="finished otherwise"),
    ],
)
def test_nothing_is_written_where_nothing_may_change(current: dict[str, Any], desired: dict[str, Any]) -> None:
    assert patch(current, desired) is None


@pytest.mark.parametrize(
    ("phase", "wanted", "written"),
    [
        ("Pending", "Running", "Running"),
        ("Pending", "Failed", "Failed"),
        ("Running", "Succeeded", "Succeeded"),
        ("Unknown", "Running", "Running"),
        ("Running", "Pending", None),
        ("Running", "Unknown", None),
        (None, "Pending", "Pending"),
    ],
)
def test_a_phase_moves_forward_only(phase: str | None, wanted: str, written: str | None) -> None:
    current = {} if phase is None else {"phase": phase}
    assert changes(current, {"phase": wanted, "message": "m"}).get("phase") == written


def test_a_reason_and_message_that_no_longer_hold_are_removed() -> None:
    current = {"phase": "Pending", "reason": "Refused", "message": "too big"}
    assert changes(current, {"phase": "Running"}) == {"phase": "Running", "reason": None, "message": None}


@pytest.mark.parametrize("field", ["podIPs", "hostIPs"])
def test_an_address_that_changed_replaces_the_old_one(field: str) -> None:
    current = {"phase": "Running", field: [{"ip": "10.0.0.1"}]}
    desired = {"phase": "Running", field: [{"ip": "10.0.0.2"}]}
    assert strategic_merge(current, changes(current, desired)) == desired


@pytest.mark.parametrize("field", ["podIPs", "hostIPs", "containerStatuses"])
def test_a_list_that_is_to_be_empty_is_removed(field: str) -> None:
    entry = running()["containerStatuses"][0] if field == "containerStatuses" else {"ip": "10.0.0.1"}
    assert changes({field: [entry]}, {field: []}) == {field: None}


def test_fractions_of_a_second_are_no_difference() -> None:
    current = running()
    desired = running()
    desired["containerStatuses"][0]["state"]["running"]["startedAt"] = "2026-03-01T11:00:00.987654Z"
    assert patch(current, desired) is None


# -- conditions ------------------------------------------------------------------------------------------------------


def ready(holds: str, **more: Any) -> dict[str, Any]:
    return {"type": "Ready", "status": holds, **more}


def test_a_new_condition_begins_now() -> None:
    assert changes({}, {"conditions": [ready("True")]})["conditions"] == [ready("True", lastTransitionTime=NOW_TEXT)]


def test_a_condition_that_turns_has_its_transition_now() -> None:
    current = {"conditions": [ready("True", lastTransitionTime=EARLIER)]}
    assert changes(current, {"conditions": [ready("False", reason="Stopped")]})["conditions"] == [
        ready("False", reason="Stopped", lastTransitionTime=NOW_TEXT)
    ]


def test_a_condition_with_another_reason_keeps_its_transition_time() -> None:
    current = {"conditions": [ready("False", reason="Creating", message="m", lastTransitionTime=EARLIER)]}
    assert changes(current, {"conditions": [ready("False", reason="Stopped")]})["conditions"] == [
        ready("False", reason="Stopped", message=None, lastTransitionTime=EARLIER)
    ]


def test_a_reason_and_message_of_a_condition_are_removed_by_null() -> None:
    current = {"conditions": [ready("False", reason="Creating", message="m", lastTransitionTime=EARLIER)]}
    assert changes(current, {"conditions": [ready("True")]})["conditions"] == [
        ready("True", reason=None, message=None, lastTransitionTime=NOW_TEXT)
    ]


@pytest.mark.parametrize("kind", ["example.com/gate", "ContainersMadeUp"])
def test_conditions_of_other_people_are_never_written(kind: str) -> None:
    current = {"conditions": [{"type": kind, "status": "True", "lastTransitionTime": EARLIER}]}
    desired = {"conditions": [{"type": kind, "status": "False"}, ready("True")]}
    assert [entry["type"] for entry in changes(current, desired)["conditions"]] == ["Ready"]


@pytest.mark.parametrize("kind", ["PodResizePending", "PodResizeInProgress"])
def test_a_resize_that_is_over_is_told_of_no_more(kind: str) -> None:
    current = {"conditions": [{"type": kind, "status": "True"}, {"type": "DisruptionTarget", "status": "True"}]}
    written = changes(current, {})
    assert written["conditions"] == [{"$patch": "delete", "type": kind}]
    after = strategic_merge(current, written)
    assert [each["type"] for each in after["conditions"]] == ["DisruptionTarget"]
    assert patch(after, {}) is None


def test_a_condition_is_found_by_its_type() -> None:
    pod_status = status({"conditions": [ready("True")]})
    assert (found := condition(pod_status, "Ready")) is not None
    assert found.status == "True"
    assert condition(pod_status, "Initialized") is None
    assert condition(None, "Ready") is None
    assert condition(PodStatus(), "Ready") is None


# -- any two statuses ------------------------------------------------------------------------------------------------

KINDS = ("PodScheduled", "Initialized", "ContainersReady", "Ready", "example.com/gate")
ORDER = {"Pending": 0, "Running": 1, "Succeeded": 2, "Failed": 2}
texts = st.sampled_from(["a", "b"])
times = st.sampled_from([EARLIER, "2026-03-01T10:30:00.5Z", NOW_TEXT])
ips = st.fixed_dictionaries({"ip": st.sampled_from(["10.0.0.1", "10.0.0.2"])})
addresses = st.lists(ips, max_size=2, unique_by=str)
container_states = st.one_of(
    st.builds(lambda at: {"running": {"startedAt": at}}, times),
    st.builds(lambda why: {"waiting": {"reason": why}}, texts),
    st.builds(lambda at, code: {"terminated": {"exitCode": code, "finishedAt": at}}, times, st.integers(0, 2)),
)
conditions = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(KINDS), "status": st.sampled_from(["True", "False"])},
        optional={"reason": texts, "message": texts, "lastTransitionTime": times, "observedGeneration": st.just(2)},
    ),
    max_size=4,
    unique_by=lambda entry: str(entry["type"]),
)
statuses = st.fixed_dictionaries(
    {"phase": st.sampled_from(list(ORDER))},
    optional={
        "reason": texts,
        "message": texts,
        "hostIP": st.just("10.0.0.9"),
        "podIPs": addresses,
        "hostIPs": addresses,
        "startTime": times,
        "observedGeneration": st.integers(1, 2),
        "conditions": conditions,
        "containerStatuses": st.lists(
            st.builds(
                lambda state, count: {
                    "name": "main",
                    "image": "busybox",
                    "imageID": "",
                    "ready": True,
                    "restartCount": count,
                    "state": state,
                },
                container_states,
                st.integers(0, 2),
            ),
            max_size=1,
        ),
    },
)


@given(statuses, statuses)
def test_a_patch_that_was_applied_is_not_needed_again(current: dict[str, Any], desired: dict[str, Any]) -> None:
    made = patch(current, desired)
    if made is not None:
        assert patch(strategic_merge(current, made["status"]), desired) is None


@given(statuses, statuses)
def test_no_patch_moves_a_phase_back_or_ends_an_end(current: dict[str, Any], desired: dict[str, Any]) -> None:
    made = patch(current, desired)
    after = strategic_merge(current, made["status"]) if made else current
    assert ORDER[after["phase"]] >= ORDER[current["phase"]]
    if ORDER[current["phase"]] == 2:
        assert after == current


@given(statuses, statuses)
def test_no_patch_touches_a_foreign_condition_or_moves_a_time_without_a_turn(
    current: dict[str, Any], desired: dict[str, Any]
) -> None:
    made = patch(current, desired)
    after = strategic_merge(current, made["status"]) if made else current
    was = {entry["type"]: entry for entry in current.get("conditions", [])}
    now = {entry["type"]: entry for entry in after.get("conditions", [])}
    assert was.keys() <= now.keys()
    for kind, entry in was.items():
        if kind == "example.com/gate":
            assert now[kind] == entry
        if now[kind]["status"] == entry["status"] and "lastTransitionTime" in entry:
            moment = datetime.fromisoformat(now[kind]["lastTransitionTime"])
            assert moment == whole_seconds(datetime.fromisoformat(entry["lastTransitionTime"])) or (now[kind] == entry)


# -- the end of a deleted pod ----------------------------------------------------------------------------------------


def test_a_container_that_ran_ends_in_a_way_that_nobody_saw() -> None:
    before = pod(status=running(conditions=[ready("True", lastTransitionTime=EARLIER)], message="waiting"))
    kept = msgspec.to_builtins(before)
    stopped = stopped_status(before, NOW)
    assert stopped is not None
    assert (stopped.phase, stopped.message) == ("Failed", None)
    assert stopped.containerStatuses is not None
    [container] = stopped.containerStatuses
    assert container.state is not None
    assert container.state.running is None
    assert container.state.terminated is not None
    assert container.state.terminated.exitCode == 137
    assert container.state.terminated.reason == "ContainerStatusUnknown"
    assert container.state.terminated.finishedAt == NOW
    assert (container.ready, container.started) == (False, False)
    for kind in ("Ready", "ContainersReady"):
        found = condition(stopped, kind)
        assert found is not None
        assert found.status == "False"
    assert msgspec.to_builtins(before) == kept, "objects of the informer are shared and never changed"


def test_an_end_that_was_seen_stays_as_it_is() -> None:
    plain = running()
    plain["containerStatuses"][0]["state"] = {"terminated": {"exitCode": 3, "reason": "Error"}}
    stopped = stopped_status(pod(status=plain), NOW)
    assert stopped is not None
    assert stopped.containerStatuses is not None
    state = stopped.containerStatuses[0].state
    assert state is not None
    assert state.terminated is not None
    assert (state.terminated.exitCode, state.terminated.reason) == (3, "Error")


@pytest.mark.parametrize("plain", [{}, {"phase": "Pending"}], ids=["no status", "pending"])
def test_a_pod_that_never_ran_ends_too(plain: dict[str, Any]) -> None:
    # A Job with podReplacementPolicy Failed waits for this phase before it lets the pod go.
    stopped = stopped_status(pod(status=plain), NOW)
    assert stopped is not None
    assert stopped.phase == "Failed"
    assert not stopped.containerStatuses


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_ends_no_second_time(phase: str) -> None:
    assert stopped_status(pod(status={"phase": phase}), NOW) is None


@given(statuses, st.integers(0, 1000))
def test_the_end_of_a_pod_is_told_once(plain: dict[str, Any], later_s: int) -> None:
    before = pod(status=plain)
    stopped = stopped_status(before, NOW)
    if stopped is None:
        return
    made = status_patch(before.status, stopped, uid="uid-a", now=NOW)
    assert made is not None
    after = pod(status=strategic_merge(plain, made["status"]))
    assert is_finished(after.status)
    assert stopped_status(after, NOW + timedelta(seconds=later_s)) is None


# -- which generation of the pod it tells of -------------------------------------------------------------------------


def of_generation(number: int | None, **fields: Any) -> dict[str, Any]:
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": EARLIER, **fields}
    told = {} if number is None else {"observedGeneration": number}
    return {"phase": "Running", "conditions": [ready], **told}


def test_each_condition_tells_of_the_generation_that_the_status_tells_of() -> None:
    made = changes({"phase": "Pending"}, of_generation(3))
    assert [entry["observedGeneration"] for entry in made["conditions"]] == [3]


def test_another_generation_is_written_and_moves_no_time() -> None:
    made = changes(of_generation(1, observedGeneration=1), of_generation(2))
    assert made["observedGeneration"] == 2
    assert [(c["observedGeneration"], c["lastTransitionTime"]) for c in made["conditions"]] == [(2, EARLIER)]


def test_a_condition_of_an_earlier_generation_stays_one() -> None:
    made = changes({"phase": "Pending"}, of_generation(3, observedGeneration=2))
    assert [entry["observedGeneration"] for entry in made["conditions"]] == [2]


def test_an_api_server_that_drops_generations_is_not_written_to_for_ever() -> None:
    assert patch(of_generation(None), of_generation(2)) is None
