"""Pods whose image must be looked up, pods of which not all containers run, and what of both stands on the pod."""

from __future__ import annotations

from typing import Any

import pytest

from scvk.kubelet.inputs import ContainerInputs, PodInputs, SecretContents
from scvk.provider.record import record_of
from scvk.provider.translate.policy import Policy
from scvk.registry import ImageConfig, Login, Unauthorized, Unreachable
from tests.integration.provider.world import World, name_of
from tests.unit.provider.evidence import a_pod

pytestmark = pytest.mark.looptime

CONTAINERS = [{"name": name, "image": name, "command": ["run"]} for name in ("proxy", "main")]


def with_args(**world: Any) -> World:
    found = World(a_pod(container={"command": None, "args": ["--one"]}), **world)
    found.inputs.found = PodInputs({"main": ContainerInputs(args=("--one",))})
    return found


async def created(world: World) -> dict[str, Any]:
    await world.sync()
    await world.sync()
    assert list(world.cloud.groups) == [name_of()]
    container: dict[str, Any] = world.cloud.bodies[-1]["container"]
    return container


async def test_arguments_alone_follow_the_entrypoint_that_the_registry_tells() -> None:
    world = await with_args().started()
    assert (await created(world))["command"] == ["/serve", "--one"]
    assert world.registry.asked == [("docker.io/library/nginx:latest", None)]


async def test_with_a_command_no_registry_is_asked() -> None:
    world = await World().started()
    await created(world)
    assert world.registry.asked == []


async def test_the_pull_secret_opens_the_registry_and_goes_to_saladcloud() -> None:
    world = await with_args().started()
    content = b'{"auths": {"docker.io": {"username": "u", "password": "p"}}}'
    secret = SecretContents("pull", "kubernetes.io/dockerconfigjson", {".dockerconfigjson": content})
    world.pod = a_pod(container={"command": None, "args": ["x"]}, spec={"imagePullSecrets": [{"name": "pull"}]})
    world.inputs.found = PodInputs({"main": ContainerInputs(args=("x",))}, pull_secrets=(secret,))
    await created(world)
    assert world.registry.asked == [("docker.io/library/nginx:latest", Login("u", "p"))]


@pytest.mark.parametrize(
    ("failure", "reason"),
    [(Unreachable("r cannot be reached"), "RegistryUnavailable"), (Unauthorized("r denies access"), "ErrImagePull")],
)
async def test_a_registry_that_does_not_tell_is_told_of_and_asked_again(failure: Any, reason: str) -> None:
    world = await with_args().started()
    world.registry.failure = failure
    observation = await world.sync()
    assert (world.phase, world.waiting) == ("Pending", reason)
    assert world.pod.status is not None
    assert str(failure) in (world.pod.status.message or "")
    assert observation.again_in is not None
    assert world.cloud.count("create") == 0
    world.registry.failure = None
    await world.settle(70)
    assert world.cloud.count("create") == 1


async def test_a_slow_registry_is_waited_for_without_holding_up_the_work() -> None:
    world = await with_args().started()
    world.registry.takes_s = 15.0
    observation = await world.sync()
    assert world.waiting == "ContainerCreating"
    assert observation.again_in == 2.0
    await world.settle(20)
    assert world.cloud.count("create") == 1
    assert len(world.registry.asked) == 1


async def test_only_what_runs_is_asked_for_and_stands_in_the_record() -> None:
    pod = a_pod(spec={"containers": CONTAINERS})
    world = await World(pod, policy=Policy(ignored_containers=("proxy",))).started()
    container = await created(world)
    assert container["image"] == "main"
    assert world.inputs.asked[0].containers == ("main",)
    assert world.pod.metadata is not None
    record = record_of(world.pod.metadata.annotations or {})
    assert record is not None
    assert record.runs == ("main",)
    told = [event for event in world.events if event.reason == "ContainersNotRun"]
    assert len(told) == 1
    assert "proxy" in told[0].message


async def test_a_default_of_the_namespace_chooses_and_stays_chosen() -> None:
    world = await World(a_pod(spec={"containers": CONTAINERS})).started()
    world.inputs.defaults = {"salad.com/container": "main"}
    await created(world)
    world.cloud.set_state(name_of(), "running", 1)
    await world.settle(3)
    world.inputs.defaults = {}
    world.restart()
    await world.provider.start()
    await world.settle(3)
    statuses = world.pod.status.containerStatuses if world.pod.status else None
    assert [entry.name for entry in statuses or []] == ["main", "proxy"]
    assert world.container.ready


async def test_a_choice_that_changed_before_the_create_is_written_first() -> None:
    world = await World(a_pod(spec={"containers": CONTAINERS})).started()
    world.inputs.defaults = {"salad.com/container": "main"}
    await world.sync()
    world.inputs.defaults = {"salad.com/container": "proxy"}
    await world.sync()
    assert world.cloud.count("create") == 0
    await world.sync()
    assert world.cloud.bodies[-1]["container"]["image"] == "proxy"
    assert world.container.name == "proxy"


async def test_nothing_is_read_for_a_pod_that_cannot_run_whatever_there_is() -> None:
    world = await World(a_pod(spec={"containers": CONTAINERS})).started()
    await world.sync()
    assert world.waiting == "UnsupportedContainer"
    assert world.inputs.asked == []


async def test_an_image_without_a_program_is_refused() -> None:
    world = await with_args().started()
    world.registry.config = ImageConfig()
    world.pod = a_pod(container={"command": None, "workingDir": "/srv"})
    world.inputs.found = PodInputs({"main": ContainerInputs()})
    await world.sync()
    assert world.waiting == "NoCommand"
