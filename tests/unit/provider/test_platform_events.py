"""What SaladCloud reports of an instance becomes events on the pod, with the time at which it happened."""

from __future__ import annotations

import pytest
from msgspec import structs

from scvk.provider.platform_events import events_of
from tests.unit.provider.evidence import a_group, a_pod, an_event, at

GROUP = structs.replace(a_group(), create_time=at(0))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("Instance Allocated", [("Allocated", False)], id="allocated"),
        pytest.param("Instance Interrupted (Priority)", [("Interrupted", True)], id="interrupted"),
        pytest.param("Instance Interrupted (Node Offline)", [("Interrupted", True)], id="offline"),
        pytest.param("Instance Interrupted (Requested Disk Space Exceeded)", [("Interrupted", True)], id="disk"),
        pytest.param(
            "Instance Interrupted (Liveness Probe Failure)", [("Unhealthy", True), ("Killing", False)], id="liveness"
        ),
        pytest.param(
            "Instance Interrupted (Startup Probe Failure)", [("Unhealthy", True), ("Killing", False)], id="startup"
        ),
        pytest.param("Instance Reallocated by Platform", [("Reallocated", False)], id="reallocated"),
        pytest.param("Instance Recreated", [("Recreated", False)], id="recreated"),
        pytest.param("Instance Restarted", [("Restarted", False)], id="restarted"),
        pytest.param("Instance Running", [], id="told-from-the-status"),
        pytest.param("Instance Exited:1 (Error)", [], id="an-exit-is-too"),
        pytest.param("Instance Downloading", [], id="the-status-shows-progress"),
        pytest.param("Instance Teleported", [], id="new-word"),
    ],
)
def test_wording(text: str, told: list[tuple[str, bool]]) -> None:
    found = events_of(a_pod(), GROUP, [an_event(5, text)], at(10))
    assert [(event.reason, event.warning) for event in found] == told
    assert all(event.at == at(5) for event in found)


def test_an_allocation_names_the_machine() -> None:
    [allocated] = events_of(a_pod(), GROUP, [an_event(5, "Instance Allocated", machine="m-7")], at(10))
    assert allocated.message == "Allocated machine m-7"


def test_an_interruption_gives_the_cause_and_what_follows() -> None:
    [gone] = events_of(a_pod(), GROUP, [an_event(5, "Instance Interrupted (Node Offline)")], at(10))
    assert gone.message == (
        "Instance Interrupted (Node Offline), on machine m1: SaladCloud looks for another one, and runs the program "
        "again there"
    )


def test_what_lies_before_the_group_is_never_told() -> None:
    assert events_of(a_pod(), GROUP, [an_event(-1, "Instance Allocated")], at(10)) == ()


def test_what_is_long_over_is_not_told_as_news() -> None:
    assert events_of(a_pod(), GROUP, [an_event(5, "Instance Allocated")], at(3000)) == ()
