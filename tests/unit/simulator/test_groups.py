"""A group's way through its states, on a clock that the test moves."""

from __future__ import annotations

import pytest

from scvk.simulator.cloud.group import Group
from scvk.simulator.config import Quotas
from scvk.simulator.problems import InvalidRequest, NameConflict, NotFound, QuotaExceeded
from scvk.simulator.runtime.script import Script
from tests.unit.simulator.world import (
    ALLOCATE_S,
    CREATE_S,
    DELETE_S,
    DOWNLOAD_S,
    GRACE_S,
    PULL_S,
    UNTIL_RUNNING_S,
    World,
    probe,
    prototype,
)


def counts(group: Group) -> dict[str, int]:
    return {name.removesuffix("_count"): number for name, number in group.status_counts().items() if number}


def test_a_started_group_is_pulled_deployed_and_runs() -> None:
    world = World()
    group = world.create()
    seen = []
    for seconds in (0, PULL_S, ALLOCATE_S, DOWNLOAD_S, CREATE_S):
        world.clock.advance(seconds)
        seen.append((str(group.status), counts(group)))
    assert seen == [
        ("pending", {}),
        ("deploying", {"allocating": 1}),
        ("deploying", {"creating": 1}),
        ("deploying", {"creating": 1}),
        ("running", {"running": 1}),
    ]
    assert world.events(group) == [
        "Container Group Started",
        "Instance Allocated",
        "Instance Downloading",
        "Instance Creating",
        "Instance Starting",
        "Instance Running",
    ]


def test_without_autostart_a_group_is_stopped_once_its_image_is_there() -> None:
    world = World()
    group = world.create(autostart_policy=False)
    world.clock.advance(PULL_S)
    assert (group.status, world.events(group)) == ("stopped", [])
    group.start()
    world.clock.advance(UNTIL_RUNNING_S - PULL_S)
    assert group.status == "running"


def test_a_start_while_pending_is_remembered() -> None:
    world = World()
    group = world.create(autostart_policy=False)
    group.start()
    world.clock.advance(PULL_S)
    assert group.status == "deploying"


def test_an_image_that_cannot_be_pulled_fails_the_group_and_says_why() -> None:
    world = World()
    group = world.create(prototype(container={"image": "does-not-exist/x", "resources": {"cpu": 1, "memory": 1024}}))
    world.clock.advance(PULL_S)
    assert group.status == "failed"
    assert group.status_description.startswith("Failed to pull image")
    assert not group.instances


def test_stop_changes_the_status_at_once_and_the_instances_follow() -> None:
    world = World(Script(ignores_sigterm=True))
    group = world.running()
    group.stop()
    assert (group.status, counts(group)) == ("stopped", {"stopping": 1})
    world.clock.advance(GRACE_S - 0.1)
    assert counts(group) == {"stopping": 1}
    world.clock.advance(0.2)
    assert counts(group) == {}
    assert world.events(group)[-1] == "Container Group Stopped"


def test_a_group_stays_running_while_its_only_instance_is_allocated_anew() -> None:
    world = World()
    group = world.running()
    world.platform.interrupt(world.only(group).id, "node-offline")
    assert (group.status, counts(group)) == ("running", {"allocating": 1})


@pytest.mark.parametrize(
    ("policy", "status", "ends_as"),
    [
        ("never", 0, "succeeded"),
        ("never", 3, "failed"),
        ("on_failure", 0, "succeeded"),
        ("on_failure", 3, "running"),
        ("always", 0, "running"),
        ("always", 3, "running"),
    ],
)
def test_the_restart_policy_decides_what_an_exit_means(policy: str, status: int, ends_as: str) -> None:
    world = World(Script(exit_after_s=1, exit_status=status))
    group = world.running(restart_policy=policy)
    world.clock.advance(1.5)
    assert group.status == ends_as
    assert len(group.instances) == (1 if ends_as == "running" else 0)
    assert any(event.startswith(f"Instance Exited:{status} (") for event in world.events(group))


def test_a_group_of_several_has_finished_with_its_last_instance_and_failed_if_one_has() -> None:
    lives = iter([Script(exit_after_s=1, exit_status=0), Script(exit_after_s=9, exit_status=1)])
    world = World(lambda _launch: next(lives))
    group = world.running(replicas=2, restart_policy="never")
    world.clock.advance(5)
    assert (group.status, len(group.instances)) == ("running", 1)
    world.clock.advance(5)
    assert (group.status, len(group.instances)) == ("failed", 0)


def test_a_finished_group_can_be_started_again() -> None:
    world = World(Script(exit_after_s=1))
    group = world.running(restart_policy="never")
    world.clock.advance(2)
    world.project.start(group.name)
    assert group.status == "deploying"
    world.clock.advance(UNTIL_RUNNING_S - PULL_S)
    assert group.status == "running"


class TestPatch:
    def test_a_new_environment_is_a_new_version_and_replaces_the_instances(self) -> None:
        world = World()
        group = world.running()
        before = world.only(group).id
        world.project.patch("web", {"container": {"environment_variables": {"A": "1"}}})
        assert (group.version, group.pending_change) == (2, True)
        world.clock.advance(1)
        after = world.only(group)
        assert (after.version, after.id != before, group.pending_change) == (2, True, False)
        assert "Container Group Updated (Version 2)" in world.events(group)

    def test_a_new_image_is_pulled_while_the_old_one_runs_on(self) -> None:
        world = World()
        group = world.running()
        world.project.patch("web", {"container": {"image": "alpine"}})
        assert (world.only(group).version, group.status, group.pending_change) == (1, "running", True)
        world.clock.advance(PULL_S + 1)
        assert (world.only(group).version, group.pending_change) == (2, False)

    def test_replicas_alone_are_no_new_version(self) -> None:
        world = World()
        group = world.running()
        survivor = world.only(group)
        world.project.patch("web", {"replicas": 3})
        assert (group.version, len(group.instances)) == (1, 3)
        assert world.events(group)[-1] == "Container Group Desired Replica Count Updated from 1 to 3"
        survivor.deletion_cost = 5
        world.project.patch("web", {"replicas": 1})
        world.clock.advance(1)
        assert world.only(group) is survivor

    def test_null_takes_a_probe_away_but_not_what_a_group_needs(self) -> None:
        world = World()
        world.create()
        patch = {"readiness_probe": None, "replicas": None, "container": {"image": None, "resources": {"cpu": None}}}
        group = world.project.patch("web", patch)
        assert (group.definition.replicas, group.definition.image, group.version) == (1, "busybox", 1)

    def test_a_port_can_be_changed_but_not_be_taken_away(self) -> None:
        world = World()
        group = world.create(networking={"auth": True, "port": 80, "protocol": "http"})
        for port, kept in ((None, 80), (81, 81)):
            world.project.patch("web", {"networking": {"port": port}})
            assert group.definition.values["networking"] == {"auth": True, "port": kept, "protocol": "http"}

    def test_another_choice_replaces_the_one_of_before(self) -> None:
        """A merge alone would leave two of what only one may be, and the document allows no null there."""
        world = World()
        login, sink = {"basic": {"username": "u", "password": "p"}}, {"tcp": {"host": "h", "port": 1}}
        container = {**prototype()["container"], "registry_authentication": login, "logging": sink}
        group = world.create(container=container, liveness_probe=probe())
        by_command = {**{name: value for name, value in probe().items() if name != "tcp"}, "exec": {"command": ["x"]}}
        other_login, other_sink = {"gcp_gcr": {"service_key": "k"}}, {"splunk": {"host": "h", "token": "t"}}
        changed = {"registry_authentication": other_login, "logging": other_sink}
        world.project.patch("web", {"liveness_probe": by_command, "container": changed})
        assert group.definition.values["liveness_probe"] == by_command
        assert group.definition.container == {**container, **changed}
        world.project.patch("web", {"container": {"logging": {"splunk": {"token": "new"}}}})
        assert group.definition.container["logging"] == {"splunk": {"host": "h", "token": "new"}}
        with pytest.raises(InvalidRequest, match="only one of"):
            world.project.patch("web", {"container": {"logging": {**sink, **other_sink}}})

    def test_networking_cannot_come_later(self) -> None:
        world = World()
        world.create()
        with pytest.raises(InvalidRequest, match="networking"):
            world.project.patch("web", {"networking": {"port": 80}})


class TestNames:
    def test_a_name_is_used_up_for_ever(self) -> None:
        world = World()
        world.create()
        with pytest.raises(NameConflict):
            world.create()
        world.project.delete("web")
        world.clock.advance(100)
        with pytest.raises(NotFound):
            world.project.group("web")
        with pytest.raises(NameConflict):
            world.create()

    def test_a_refused_create_does_not_use_up_the_name(self) -> None:
        world = World(quotas=Quotas(container_replicas=2))
        with pytest.raises(QuotaExceeded):
            world.create(replicas=3)
        world.create(replicas=2)


class TestDeletion:
    def test_a_deleted_group_is_seen_until_it_disappears(self) -> None:
        world = World()
        group = world.running()
        world.project.delete("web")
        assert world.project.group("web") is group
        with pytest.raises(InvalidRequest, match="deleted"):
            world.project.start("web")
        world.clock.advance(DELETE_S)
        assert not world.project.groups

    def test_it_does_not_disappear_before_its_last_program(self) -> None:
        world = World(Script(ignores_sigterm=True))
        world.running()
        world.project.delete("web")
        world.clock.advance(GRACE_S - 1)
        assert "web" in world.project.groups
        world.clock.advance(2)
        assert not world.project.groups

    def test_a_second_deletion_changes_nothing(self) -> None:
        world = World()
        world.running()
        world.project.delete("web")
        world.clock.advance(DELETE_S / 2)
        world.project.delete("web")
        world.clock.advance(DELETE_S / 2)
        assert not world.project.groups


class TestQuota:
    """SaladCloud's page "Quotas": replicas of all created groups count, whether running or not."""

    def test_stopped_finished_and_failed_groups_count_as_running_ones_do(self) -> None:
        world = World(Script(exit_after_s=1), quotas=Quotas(container_replicas=3))
        organization = world.platform.organizations["acme-corp"]
        world.create(name="sleeper", autostart_policy=False)
        finished = world.running(restart_policy="never")
        broken = {"image": "does-not-exist/x", "resources": {"cpu": 1, "memory": 1024}}
        failed = world.create(name="broken", container=broken)
        world.clock.advance(100)
        assert (finished.status, failed.status, organization.replicas_used) == ("succeeded", "failed", 3)
        with pytest.raises(QuotaExceeded):
            world.create(name="fourth", autostart_policy=False)

    def test_a_deleted_group_takes_nothing_and_gives_back_only_once(self) -> None:
        world = World()
        organization = world.platform.organizations["acme-corp"]
        world.running(replicas=3)
        world.create(name="other", replicas=2)
        world.project.patch("web", {"replicas": 5})
        assert organization.replicas_used == 7
        world.project.delete("web")
        world.project.stop("web")
        world.clock.advance(100)
        assert organization.replicas_used == 2

    def test_more_replicas_need_quota_also_in_a_stopped_group_and_a_start_needs_none(self) -> None:
        world = World(quotas=Quotas(container_replicas=2))
        world.create(name="sleeper", autostart_policy=False)
        world.create()
        for name in ("web", "sleeper"):
            with pytest.raises(QuotaExceeded):
                world.project.patch(name, {"replicas": 2})
        world.project.start("sleeper")
        world.project.patch("sleeper", {"replicas": 0})
        world.project.patch("web", {"replicas": 2})

    def test_with_an_autoscaler_its_most_replicas_count(self) -> None:
        world = World()
        autoscaler = {"desired_queue_length": 1, "min_replicas": 0, "max_replicas": 7}
        world.create(queue_autoscaler=autoscaler)
        assert world.platform.organizations["acme-corp"].replicas_used == 7
