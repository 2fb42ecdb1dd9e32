"""An instance's life: exits and back-off, probes, interruptions, actions of the user."""

from __future__ import annotations

import pytest

from scvk.simulator.cloud.events import INTERRUPTIONS, InstanceEvent
from scvk.simulator.cloud.rendering import render_instance
from scvk.simulator.runtime.script import Script
from tests.unit.simulator.world import (
    ALLOCATE_S,
    DOWNLOAD_S,
    GRACE_S,
    PULL_S,
    UNTIL_RUNNING_S,
    World,
    probe,
)


def test_the_download_shows_its_progress() -> None:
    world = World()
    group = world.create()
    world.clock.advance(PULL_S)
    instance = world.only(group)
    seen = []
    for seconds in (0, ALLOCATE_S, DOWNLOAD_S / 2, DOWNLOAD_S / 2):
        world.clock.advance(seconds)
        seen.append((str(instance.state), instance.pulling_progress))
    assert seen == [("allocating", 0.0), ("downloading", 0.0), ("downloading", 50.0), ("creating", 100.0)]


def test_the_program_gets_the_platforms_environment_and_the_groups() -> None:
    world = World()
    group = world.running(
        container={
            "image": "nginx:1.27",
            "environment_variables": {"A": "1", "SALAD_INSTANCE_ID": "forged"},
            "resources": {"cpu": 1, "memory": 1024},
        }
    )
    (launch,) = world.runtime.launches
    instance = world.only(group)
    assert launch.argv == ("nginx", "-g", "daemon off;")
    assert {name: launch.env[name] for name in ("A", "NGINX_VERSION", "SALAD_CONTAINER_GROUP_NAME")} == {
        "A": "1",
        "NGINX_VERSION": "1.27.0",
        "SALAD_CONTAINER_GROUP_NAME": "web",
    }
    assert launch.env["SALAD_INSTANCE_ID"] == launch.env["HOSTNAME"] == launch.hostname == instance.id
    assert launch.env["SALAD_MACHINE_ID"] == instance.machine_id


class TestExits:
    def test_restarts_wait_longer_and_longer_on_the_same_machine(self) -> None:
        world = World(Script(exit_after_s=0.25, exit_status=7))
        group = world.running()
        machine = world.only(group).machine_id
        world.clock.advance(0.25 + 1 + 0.25 + 2 + 0.25 + 4)
        assert len(world.runtime.launches) == 4
        assert world.only(group).machine_id == machine
        assert world.events(group)[-3:] == ["Instance Exited:7 (Error)", "Instance Starting", "Instance Running"]

    def test_a_long_run_makes_the_next_wait_short_again(self) -> None:
        ages = iter([0.25, 0.25, 700.0, 0.25])
        world = World(lambda _launch: Script(exit_after_s=next(ages)))
        world.running()
        world.clock.advance(0.25 + 1 + 0.25 + 2 + 700 + 1.1)
        assert len(world.runtime.launches) == 4

    def test_a_program_that_cannot_be_started_is_a_start_failure(self) -> None:
        world = World(Script(fails_to_start="'nope': No such file or directory"))
        group = world.running(restart_policy="never")
        world.clock.advance(1)
        assert group.status == "failed"
        assert world.events(group)[-1] == "StartFailure:-1"
        assert "No such file" in world.output()[0]

    @pytest.mark.parametrize(
        ("status", "event"),
        [
            (0, "Instance Exited:0 (Exited Successfully)"),
            (1, "Instance Exited:1 (Error)"),
            (137, "Instance Exited:137 (Likely Out of System Memory)"),
            (143, "Instance Exited:143 (Error)"),
        ],
    )
    def test_events_name_the_status(self, status: int, event: str) -> None:
        world = World(Script(exit_after_s=1, exit_status=status))
        group = world.running(restart_policy="never")
        world.clock.advance(2)
        assert world.events(group)[-1] == event

    def test_an_end_that_the_platform_asked_for_is_no_exit(self) -> None:
        world = World()
        group = world.running()
        group.stop()
        world.clock.advance(GRACE_S)
        assert not any("Exited" in event for event in world.events(group))


class TestProbes:
    def test_without_probes_a_running_instance_is_ready(self) -> None:
        world = World()
        instance = world.only(world.running())
        assert (instance.started, instance.ready) == (True, True)

    def test_startup_comes_first_then_readiness(self) -> None:
        world = World(Script(probe=lambda checked, age_s: age_s >= (25 if checked.failure_threshold == 9 else 0)))
        group = world.running(startup_probe=probe(failure_threshold=9), readiness_probe=probe())
        instance = world.only(group)
        world.clock.advance(20)
        assert (instance.started, instance.ready) == (False, False)
        world.clock.advance(10.5)
        assert (instance.started, instance.ready) == (True, True)
        assert world.events(group)[-2:] == [
            "Instance Startup Probe Passed",
            "Instance Ready (Readiness Probe Passed)",
        ]

    def test_readiness_comes_and_goes_and_nothing_is_restarted(self) -> None:
        world = World(Script(probe=lambda _probe, age_s: not 10 <= age_s < 60))
        group = world.running(readiness_probe=probe())
        instance = world.only(group)
        world.clock.advance(1)
        assert instance.ready
        world.clock.advance(29)
        assert not instance.ready
        world.clock.advance(31)
        assert instance.ready
        assert [event for event in world.events(group) if "Readiness" in event] == [
            "Instance Ready (Readiness Probe Passed)",
            "Instance Not Ready (Readiness Probe Failure)",
            "Instance Ready (Readiness Probe Passed)",
        ]
        assert len(world.runtime.launches) == 1

    @pytest.mark.parametrize(
        ("kind", "event"),
        [
            ("liveness_probe", "Instance Interrupted (Liveness Probe Failure)"),
            ("startup_probe", "Instance Interrupted (Startup Probe Failure)"),
        ],
    )
    def test_a_failed_probe_costs_the_machine(self, kind: str, event: str) -> None:
        world = World(Script(probe=lambda _probe, _age_s: False))
        group = world.running(**{kind: probe()})
        instance = world.only(group)
        machine = instance.machine_id
        world.clock.advance(20.5)
        assert (instance.state, world.events(group)[-1]) == ("allocating", event)
        assert instance.machine_id != machine

    def test_the_initial_delay_counts_from_the_programs_start(self) -> None:
        world = World()
        instance = world.only(world.running(readiness_probe=probe(initial_delay_seconds=15)))
        world.clock.advance(14)
        assert not instance.ready
        world.clock.advance(2)
        assert instance.ready

    def test_the_answer_says_started_when_there_is_no_startup_probe(self) -> None:
        world = World()
        group = world.create(readiness_probe=probe())
        world.clock.advance(PULL_S)
        answer = render_instance(world.only(group))
        assert (answer["started"], answer["ready"]) == (True, False)


class TestInterruptions:
    @pytest.mark.parametrize(("reason", "event"), INTERRUPTIONS.items(), ids=list(INTERRUPTIONS))
    def test_each_reason_leaves_its_event_and_a_new_machine(self, reason: str, event: InstanceEvent) -> None:
        world = World()
        group = world.running()
        instance = world.only(group)
        machine = instance.machine_id
        world.platform.interrupt(instance.id, reason)
        assert (instance.state, instance.ready) == ("allocating", False)
        assert world.events(group)[-1] == event
        assert instance.machine_id != machine
        world.clock.advance(UNTIL_RUNNING_S - PULL_S)
        assert instance.state == "running"

    def test_what_the_lost_program_still_says_belongs_to_its_machine(self) -> None:
        world = World(Script(ignores_sigterm=True))
        group = world.running()
        instance = world.only(group)
        instance.interrupt(InstanceEvent.INTERRUPTED_NODE_OFFLINE)
        world.clock.advance(0)
        assert not any("Exited" in event for event in world.events(group))


class TestActions:
    def test_restart_runs_the_program_again_on_the_same_machine(self) -> None:
        world = World()
        group = world.running()
        instance = world.only(group)
        machine = instance.machine_id
        instance.restart()
        world.clock.advance(0.1)
        assert (instance.state, instance.machine_id) == ("running", machine)
        assert world.events(group)[-3:] == ["Instance Restarted", "Instance Starting", "Instance Running"]
        assert len(world.runtime.launches) == 2

    def test_recreate_creates_the_container_again(self) -> None:
        world = World()
        group = world.running()
        world.only(group).recreate()
        world.clock.advance(0.1)
        assert world.only(group).state == "creating"
        assert world.events(group)[-2:] == ["Instance Recreated", "Instance Creating"]

    def test_a_program_that_ignores_sigterm_is_killed_before_the_restart(self) -> None:
        world = World(Script(ignores_sigterm=True))
        group = world.running()
        world.only(group).restart()
        world.clock.advance(GRACE_S - 0.1)
        assert len(world.runtime.launches) == 1
        world.clock.advance(0.2)
        assert len(world.runtime.launches) == 2
        world.clock.advance(60)
        assert (len(world.runtime.launches), world.only(group).state) == (2, "running")

    def test_a_stop_during_a_restart_wins(self) -> None:
        world = World(Script(ignores_sigterm=True))
        group = world.running()
        world.only(group).restart()
        group.stop()
        world.clock.advance(GRACE_S * 3)
        assert (len(world.runtime.launches), group.instances) == (1, {})
