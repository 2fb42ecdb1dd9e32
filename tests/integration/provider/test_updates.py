"""What becomes of a running pod that somebody changes: one patch for a change, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scvk.kubelet.input_versions import INPUTS_ANNOTATION
from scvk.kubelet.inputs import ContainerInputs, MissingInput, MissingReference, PodInputs, SecretContents
from scvk.kubelet.provider import TemporaryProviderError
from scvk.kubelet.status import condition
from scvk.provider.applied import SETTLED_ANNOTATION
from scvk.provider.translate.policy import Policy
from tests.integration.provider.test_life_of_a_group import a_running_world
from tests.integration.provider.world import World, name_of
from tests.unit.provider.evidence import a_pod

pytestmark = pytest.mark.looptime

RESOURCES = {"requests": {"cpu": "1", "memory": "1Gi"}}
MORE = {"requests": {"cpu": "3", "memory": "5Gi"}}
IMAGE = "docker.io/library/nginx:2"


def group(world: World) -> dict[str, Any]:
    return world.cloud.groups[name_of()]


def reasons(world: World) -> list[str]:
    return [event.reason for event in world.events]


async def a_world(annotations: dict[str, str] | None = None, **container: Any) -> World:
    return await a_running_world(World(a_pod(annotations=annotations, container=container)))


async def settled(world: World, rounds: int = 6) -> None:
    await world.settle(rounds)
    await world.hear()
    await world.sync()


def started_and_patched(world: World) -> list[str]:
    return [kind for _, kind, _ in world.cloud.requests if kind in ("start", "patch")]


def set_image(world: World) -> None:
    world.edit(image=IMAGE)


def set_priority(world: World) -> None:
    world.annotate({"salad.com/container-group-priority": "low"})


def set_countries(world: World) -> None:
    world.annotate({"salad.com/country-codes": "us, CA"})


def set_caching(world: World) -> None:
    world.annotate({"salad.com/image-caching": "false"})


def set_logging(world: World) -> None:
    world.annotate({"salad.com/logging-tcp-host": "logs.example", "salad.com/logging-tcp-port": "514"})


def resize(world: World) -> None:
    world.annotate({"salad.com/resize": "restart"})
    world.edit(resources=MORE)


CHANGES: dict[str, tuple[Callable[[World], None], dict[str, Any], dict[str, Any]]] = {
    "image": (set_image, {"image": IMAGE}, {}),
    "priority": (set_priority, {"priority": "low"}, {}),
    "countries": (set_countries, {}, {"country_codes": ["us", "ca"]}),
    "caching": (set_caching, {"image_caching": False}, {}),
    "logging": (set_logging, {"logging": {"tcp": {"host": "logs.example", "port": 514}}}, {}),
    "resources": (resize, {"resources": {"cpu": 3, "memory": 5120}}, {}),
}


@pytest.mark.parametrize(("change", "container", "rest"), CHANGES.values(), ids=CHANGES)
async def test_a_change_is_one_patch_of_what_changed_and_nothing_else(
    change: Callable[[World], None], container: dict[str, Any], rest: dict[str, Any]
) -> None:
    world = await a_world(resources=RESOURCES)
    change(world)
    await settled(world)
    (patch,) = world.cloud.patches
    sent = dict(patch.pop("container"))
    assert list(sent.pop("environment_variables")) == ["SCVK_SETTINGS"]
    assert (sent, patch) == (container, rest)
    assert reasons(world).count("Killing") == 1
    assert world.cloud.touched() == {name_of()}
    world.restart()
    await world.started()
    await settled(world)
    assert len(world.cloud.patches) == 1


@pytest.mark.parametrize("change", [change for change, _, _ in CHANGES.values()], ids=CHANGES)
@pytest.mark.parametrize("fault", ["lost timeout", "lost 500", "lost html"])
async def test_a_patch_whose_answer_is_lost_is_not_sent_again(change: Callable[[World], None], fault: str) -> None:
    world = await a_world(resources=RESOURCES)
    world.cloud.fail("patch", fault)
    change(world)
    await settled(world, 8)
    assert (len(world.cloud.patches), group(world)["version"]) == (1, 2)
    assert (world.phase, world.container.ready) == ("Running", True)


@pytest.mark.parametrize("fault", ["500", "429", "html", "refused", "timeout", "unauthorized", "quota", "payment"])
async def test_a_patch_that_fails_is_tried_again_and_the_pod_runs_on(fault: str) -> None:
    world = await a_world()
    world.cloud.fail("patch", *[fault] * 3)
    set_image(world)
    await world.sync()
    assert (world.phase, world.container.ready, world.container.image) == ("Running", True, "nginx")
    for _ in range(3):
        await world.settle(320)
    assert (len(world.cloud.patches), group(world)["version"]) == (4, 2)
    assert group(world)["container"]["image"] == IMAGE


async def test_a_patch_that_fails_for_long_is_not_hammered() -> None:
    world = await a_world()
    world.cloud.fail("patch", *["500"] * 1000)
    set_image(world)
    await world.settle(600)
    assert len(world.cloud.patches) < 12


async def test_an_agent_that_dies_during_the_patch_finishes_it() -> None:
    world = await a_world()

    async def die() -> None:
        raise RuntimeError("killed")

    world.cloud.meanwhile["patch"] = die
    set_image(world)
    with pytest.raises(RuntimeError):
        await world.sync()
    world.restart()
    await world.started()
    await settled(world)
    assert len(world.cloud.patches) == 1
    world.edit(image="nginx")
    await settled(world)
    assert [patch["container"]["image"] for patch in world.cloud.patches] == [IMAGE, "nginx"]


async def test_a_change_back_before_the_first_was_heard_of_is_sent_too() -> None:
    world = await a_world()
    world.cloud.fail("patch", "lost timeout")
    set_image(world)
    await world.sync()
    world.edit(image="nginx")
    await settled(world, 8)
    assert group(world)["container"]["image"] == "nginx"


async def test_a_listing_from_before_the_patch_has_it_sent_no_second_time() -> None:
    world = await a_world()
    before = group(world)
    set_image(world)
    await world.sync()
    after, world.cloud.groups[name_of()] = group(world), before
    await world.poll()
    await world.sync()
    world.cloud.groups[name_of()] = after
    await settled(world)
    assert len(world.cloud.patches) == 1


async def test_what_the_platform_refuses_is_told_and_not_sent_again_before_the_pod_changes() -> None:
    world = await a_world()
    world.cloud.fail("patch", "invalid", "invalid")
    set_image(world)
    await settled(world, 8)
    world.restart()
    await world.started()
    await settled(world, 8)
    assert len(world.cloud.patches) == 1
    (event,) = [each for each in world.events if each.reason == "NotUpdated"]
    assert "spec.containers[0].image" in event.message
    assert "the image is not allowed" in event.message
    assert (world.phase, world.container.ready, world.container.image) == ("Running", True, "nginx")
    assert world.pod.status
    assert "spec.containers[0].image" in (world.pod.status.message or "")
    world.edit(image="nginx")
    await settled(world)
    assert world.pod.status.message is None
    set_image(world)
    await settled(world)
    assert len(world.cloud.patches) == 2


async def test_networking_is_fixed_and_the_pod_is_told_once_where() -> None:
    world = await a_world()
    world.annotate({"salad.com/networking-port": "80", "salad.com/queue-name": "jobs"})
    await settled(world)
    world.restart()
    await world.started()
    await settled(world)
    assert world.cloud.touched() == set()
    (event,) = [each for each in world.events if each.reason == "NotUpdated"]
    assert event.message.startswith(
        "metadata.{annotations[salad.com/networking-port], annotations[salad.com/queue-name]}: fixed"
    )
    assert "delete the pod" in event.message


async def test_what_is_fixed_does_not_keep_the_rest_from_being_changed() -> None:
    world = await a_world()
    world.annotate({"salad.com/networking-port": "80", "salad.com/country-codes": "de"})
    set_image(world)
    await settled(world)
    (patch,) = world.cloud.patches
    assert (patch["country_codes"], patch["container"]["image"]) == (["de"], IMAGE)


async def test_an_invalid_value_is_told_and_other_changes_go_on() -> None:
    world = await a_world()
    world.annotate({"salad.com/container-group-priority": "urgent"})
    set_countries(world)
    await settled(world)
    (patch,) = world.cloud.patches
    assert ("priority" in patch["container"], patch["country_codes"]) == (False, ["us", "ca"])
    assert any("'urgent'" in event.message for event in world.events if event.reason == "NotUpdated")


@pytest.mark.parametrize(
    "annotations",
    [
        {"salad.com/country-codes": "CA,us"},
        {"team": "blue"},
        {"scvk.salad.com/settled": "image=nonsense!,,=,x"},
        {"salad.com/container-group-priority": "LOW"},
    ],
    ids=["other-words-for-the-same", "no-setting", "an-edited-note", "another-case"],
)
async def test_what_changes_nothing_sends_nothing(annotations: dict[str, str]) -> None:
    world = await a_world({"salad.com/country-codes": "us, ca", "salad.com/container-group-priority": "low"})
    world.annotate(annotations)
    await settled(world)
    assert (world.cloud.touched(), reasons(world).count("NotUpdated")) == (set(), 0)


async def test_neither_defaults_of_the_namespace_nor_options_nor_contents_touch_what_runs() -> None:
    world = await a_world(resources=RESOURCES)
    world.inputs.defaults = {"salad.com/container-group-priority": "high", "salad.com/country-codes": "us"}
    world.inputs.found = PodInputs({"main": ContainerInputs({"A": "new"}, command=("run", "otherwise"))})
    world.policy = Policy(strict=True, run_daemonsets=True)
    world.restart()
    await world.started()
    await settled(world)
    assert (world.cloud.touched(), world.phase, world.container.ready) == (set(), "Running", True)


async def test_an_image_that_is_set_takes_what_the_container_would_start_with_now() -> None:
    world = await a_world()
    world.inputs.found = PodInputs({"main": ContainerInputs({"A": "new"}, command=("run", "otherwise"))})
    set_image(world)
    await settled(world)
    container = group(world)["container"]
    assert (container["command"], container["environment_variables"]["A"]) == (["run", "otherwise"], "new")


async def test_a_missing_secret_does_not_disturb_what_runs() -> None:
    world = await a_world()
    missing = MissingReference("spec", "Secret", "s", 'secret "s" not found', "CreateContainerConfigError", "Missing")
    world.inputs.missing = MissingInput(
        "gone", path="spec", reason="CreateContainerConfigError", event_reason="Missing", missing=(missing,)
    )
    set_image(world)
    await settled(world)
    assert (world.cloud.patches, world.phase, world.container.ready) == ([], "Running", True)
    assert "Missing" in reasons(world)
    world.inputs.missing = None
    await world.settle(40)
    assert len(world.cloud.patches) == 1


async def test_a_secret_that_a_setting_names_is_read_for_it_and_shown_nowhere() -> None:
    world = await a_world()
    world.inputs.found = PodInputs(secrets={"s": SecretContents("s", "Opaque", {"token": b"t0ken"})})
    world.annotate(
        {
            "salad.com/logging-splunk-host": "https://splunk.example",
            "salad.com/logging-secret": "s",
        }
    )
    await settled(world)
    (patch,) = world.cloud.patches
    assert patch["container"]["logging"]["splunk"]["token"] == "t0ken"
    assert "t0ken" not in repr(world.events)


async def test_an_image_that_cannot_be_pulled_is_mended_by_setting_another() -> None:
    world = await World().started()
    await world.sync()
    await world.sync()
    world.cloud.set_state(name_of(), "failed", description="no such image")
    await world.poll()
    await world.sync()
    assert world.waiting == "ErrImagePull"
    set_image(world)
    await settled(world)
    assert (started_and_patched(world), world.waiting) == (["start", "patch"], "ContainerCreating")


@pytest.mark.parametrize("status", ["pending", "a word of tomorrow"])
async def test_a_group_that_may_have_failed_since_it_was_seen_is_started_before_it_is_changed(status: str) -> None:
    world = await World().started()
    await world.sync()
    await world.sync()
    world.cloud.set_state(name_of(), status)
    await world.poll()
    set_image(world)
    await settled(world)
    assert started_and_patched(world) == ["start", "patch"]


async def test_a_group_that_needs_no_start_is_changed_all_the_same() -> None:
    world = await World().started()
    await world.sync()
    await world.sync()
    await world.poll()
    world.cloud.fail("start", "invalid")
    set_image(world)
    await settled(world)
    assert (started_and_patched(world), group(world)["container"]["image"]) == (["start", "patch"], IMAGE)


async def test_a_group_that_turns_out_to_have_failed_when_it_is_changed_is_started() -> None:
    world = await a_world()
    world.cloud.set_state(name_of(), "pending")
    set_image(world)
    await world.sync()
    assert started_and_patched(world) == ["patch", "start"]


async def test_a_group_that_somebody_stopped_is_changed_and_stays_stopped() -> None:
    world = await a_world()
    world.cloud.set_state(name_of(), "stopped")
    await world.poll()
    set_image(world)
    await settled(world)
    assert started_and_patched(world) == ["patch"]


async def test_a_pod_that_is_changed_before_its_group_runs_gets_the_change() -> None:
    world = await World().started()
    await world.sync()
    set_image(world)
    await world.sync()
    assert world.cloud.bodies[0]["container"]["image"] == IMAGE
    set_priority(world)
    await settled(world)
    (patch,) = world.cloud.patches
    assert patch["container"]["priority"] == "low"


async def test_a_pod_whose_create_is_in_doubt_gets_the_image_that_it_names_last() -> None:
    world = await World().started()
    world.cloud.fail("create", "lost timeout")
    await world.sync()
    with pytest.raises(TemporaryProviderError):
        await world.sync()
    set_image(world)
    await settled(world)
    assert group(world)["container"]["image"] == IMAGE


async def test_a_finished_pod_is_not_changed_any_more() -> None:
    world = await a_running_world(World(a_pod(policy="Never")))
    world.cloud.set_state(name_of(), "succeeded", 0)
    world.cloud.say(name_of(), "Instance Exited:0 (Exited Successfully)")
    await world.poll()
    await world.hear()
    set_image(world)
    await settled(world)
    assert (world.phase, world.cloud.patches) == ("Succeeded", [])


async def test_a_group_that_is_gone_is_not_changed() -> None:
    world = await a_world()
    world.cloud.remove(name_of())
    set_image(world)
    await world.sync()
    assert world.phase == "Running"
    await settled(world)
    assert (world.phase, "create" in {kind for _, kind, _ in world.cloud.requests}) == ("Failed", False)


async def test_a_group_that_nobody_noted_settings_on_has_what_the_pod_said_when_it_was_seen() -> None:
    world = await a_world()
    del group(world)["container"]["environment_variables"]["SCVK_SETTINGS"]
    world.restart()
    await world.started()
    await settled(world)
    assert world.cloud.patches == []
    set_image(world)
    await settled(world)
    assert [patch["container"]["image"] for patch in world.cloud.patches] == [IMAGE]
    world.edit(image="nginx")
    await settled(world)
    assert [patch["container"]["image"] for patch in world.cloud.patches] == [IMAGE, "nginx"]


async def test_an_update_is_a_restart_and_no_crash() -> None:
    world = await a_running_world(World(a_pod(policy="Never")))
    set_image(world)
    await world.sync()
    world.cloud.say(name_of(), "Container Group Updated (Version 2)")
    world.cloud.say(name_of(), "Instance Exited:143 (Error)")
    world.cloud.set_state(name_of(), "running", 0)
    await world.poll()
    await world.hear()
    await world.sync()
    assert (world.phase, world.waiting, world.container.ready) == ("Running", "ContainerCreating", False)
    world.cloud.say(name_of(), "Instance Running")
    world.cloud.set_state(name_of(), "running", 1)
    group(world)["pending_change"] = False
    await world.poll()
    await world.hear()
    await world.sync()
    assert (world.phase, world.container.restartCount, world.container.ready) == ("Running", 1, True)
    assert world.container.image == IMAGE
    assert not {"BackOff", "Failed", "Reallocating"} & set(reasons(world))


async def test_a_resize_is_infeasible_and_the_pod_keeps_what_it_has() -> None:
    world = await a_world(resources=RESOURCES)
    world.edit(resources=MORE)
    await settled(world)
    world.restart()
    await world.started()
    await settled(world)
    pending = condition(world.pod.status, "PodResizePending")
    assert pending is not None
    assert (pending.status, pending.reason) == ("True", "Infeasible")
    assert "salad.com/resize: restart" in (pending.message or "")
    assert (reasons(world).count("ResizeInfeasible"), world.cloud.touched()) == (1, set())
    assert world.container.resources
    assert world.container.resources.limits
    assert world.container.resources.limits["cpu"] == "1"
    assert world.pod.status
    assert world.pod.status.observedGeneration == 2
    world.edit(resources=RESOURCES)
    await settled(world)
    assert condition(world.pod.status, "PodResizePending") is None


async def test_a_resize_within_what_was_granted_is_done_already() -> None:
    world = await a_world(resources=RESOURCES)
    world.edit(resources={"requests": {"cpu": "700m", "memory": "900Mi"}})
    await settled(world)
    assert condition(world.pod.status, "PodResizePending") is None
    assert (world.cloud.touched(), reasons(world).count("ResizeInfeasible")) == (set(), 0)


async def test_a_resize_with_leave_to_restart_is_in_progress_until_the_program_runs_again() -> None:
    world = await a_world(resources=RESOURCES)
    world.edit(resources=MORE)
    await settled(world)
    world.annotate({"salad.com/resize": "restart"})
    await world.settle(3)
    assert condition(world.pod.status, "PodResizePending") is None
    progress = condition(world.pod.status, "PodResizeInProgress")
    assert progress is not None
    assert progress.status == "True"
    group(world)["pending_change"] = False
    await settled(world)
    assert condition(world.pod.status, "PodResizeInProgress") is None
    assert world.container.resources
    assert world.container.resources.limits
    assert world.container.resources.limits["cpu"] == "3"
    assert len(world.cloud.patches) == 1


async def test_what_cannot_be_taken_back_is_told() -> None:
    world = await a_world({"salad.com/image-caching": "false"})
    world.unannotate("salad.com/image-caching")
    await settled(world)
    assert (world.cloud.patches, reasons(world).count("NotUpdated")) == ([], 1)
    assert world.pod.metadata
    assert world.pod.metadata.annotations
    assert world.pod.metadata.annotations[SETTLED_ANNOTATION].startswith("image-caching=-!")


async def test_what_the_container_was_given_is_noted_before_it_is_made_and_with_its_new_image() -> None:
    world = World()
    world.inputs.found = PodInputs({"main": ContainerInputs(command=("run",))}, versions={"ConfigMap/settings": "u/1"})
    await a_running_world(world)
    assert versions_of(world) == '{"ConfigMap/settings":"u/1"}'
    world.inputs.found = PodInputs({"main": ContainerInputs(command=("run",))}, versions={"ConfigMap/settings": "u/2"})
    set_priority(world)
    await settled(world)
    assert versions_of(world) == '{"ConfigMap/settings":"u/1"}'
    set_image(world)
    await settled(world)
    assert versions_of(world) == '{"ConfigMap/settings":"u/2"}'


def versions_of(world: World) -> str | None:
    assert world.pod.metadata
    return (world.pod.metadata.annotations or {}).get(INPUTS_ANNOTATION)
