"""The switch from the Go program: what it made is taken over as it runs, and nothing that only looks like it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scvk.kubelet.provider import Holding, PodIdentity, PodKey, TemporaryProviderError
from scvk.provider.adoption import GroupCounts
from scvk.provider.applied import BASELINE_ANNOTATION
from scvk.provider.ownership import LEGACY_ATTEMPT, environment
from scvk.provider.record import Record
from tests.integration.provider.world import World, mark, name_of
from tests.unit.provider.evidence import UID, a_pod

pytestmark = pytest.mark.looptime

LEGACY = "shop-web"
ADOPTED = Record(LEGACY, LEGACY_ATTEMPT, ("main",))


def metadata(uid: str = UID, *, name: str = "web", namespace: str = "shop") -> dict[str, str]:
    return {"POD_METADATA_YAML": json.dumps({"name": name, "namespace": namespace, "uid": uid})}


def add_legacy(world: World, variables: dict[str, str] | None = None, *, name: str = LEGACY, **container: Any) -> None:
    group = world.cloud.add(name, metadata() if variables is None else variables)
    group["container"] |= {"command": ["run"], **container}


async def adopted_world() -> World:
    world = World(adopt_legacy=True)
    add_legacy(world)
    await world.started()
    await world.settle()
    return world


async def test_a_group_of_the_go_program_becomes_the_pods_and_goes_on_as_it_is() -> None:
    world = await adopted_world()
    assert world.pod.metadata
    annotations = dict(world.pod.metadata.annotations or {})
    assert annotations.pop(BASELINE_ANNOTATION)
    assert annotations == ADOPTED.annotations()
    assert (world.phase, world.container.ready) == ("Running", True)
    assert world.cloud.touched() == set()
    assert [event.reason for event in world.events].count("Adopted") == 1
    assert world.provider.group_counts() == GroupCounts(owned=1, adopted=1)
    assert world.provider.holdings() == (Holding(PodIdentity(PodKey("shop", "web"), UID), "node-a"),)


async def test_an_adopted_group_is_changed_as_any_other_and_only_where_its_pod_is() -> None:
    world = await adopted_world()
    world.edit(image="nginx:2")
    await world.settle()
    (patch,) = world.cloud.patches
    assert patch["container"]["image"] == "nginx:2"
    assert list(patch["container"].get("environment_variables", {})) == ["SCVK_SETTINGS"]
    assert world.cloud.touched() == {LEGACY}
    assert (world.phase, world.container.ready) == ("Running", True)


async def test_only_the_first_container_is_told_as_running() -> None:
    spec = {"containers": [{"name": name, "image": "nginx", "command": ["run"]} for name in ("one", "two")]}
    world = World(a_pod(spec=spec, annotations={"salad.com/container": "two"}), adopt_legacy=True)
    add_legacy(world)
    await world.started()
    await world.settle()
    assert world.cloud.touched() == set()
    assert world.pod.status
    states = {entry.name: entry.state for entry in world.pod.status.containerStatuses or ()}
    assert states["one"] is not None
    assert states["one"].running is not None
    assert states["two"] is not None
    assert states["two"].running is None


async def test_a_pod_that_ran_under_the_go_program_stays_running() -> None:
    told = {"phase": "Running", "containerStatuses": [{"name": LEGACY, "image": "nginx", "imageID": "", "ready": True}]}
    world = World(
        a_pod(status={**told, "containerStatuses": [{**told["containerStatuses"][0], "restartCount": 0}]}),  # type: ignore[dict-item]
        adopt_legacy=True,
    )
    add_legacy(world)
    await world.started()
    await world.settle()
    assert (world.phase, world.container.name) == ("Running", "main")
    assert world.cloud.touched() == set()


async def test_without_the_option_the_go_programs_groups_are_somebody_elses() -> None:
    world = World()
    add_legacy(world)
    await world.started()
    await world.settle()
    assert world.attempt == 0
    assert world.cloud.touched() == {name_of()}
    assert world.provider.group_counts() == GroupCounts(owned=1, foreign=1)


@pytest.mark.parametrize("option", [True, False], ids=["kept", "left out again"])
async def test_after_a_restart_an_adopted_group_is_still_the_pods(option: bool) -> None:
    world = await adopted_world()
    world.adopt_legacy = option
    world.restart()
    await world.started()
    before = world.status_writes
    await world.settle()
    assert world.cloud.touched() == set()
    assert world.status_writes == before
    assert world.provider.group_counts() == GroupCounts(owned=1, adopted=1)


@pytest.mark.parametrize("option", [True, False], ids=["kept", "left out again"])
async def test_an_adopted_group_goes_with_its_pod_also_after_a_restart(option: bool) -> None:
    world = await adopted_world()
    world.adopt_legacy = option
    world.restart()
    await world.started()
    assert not (await world.remove()).certain
    assert world.cloud.touched() == {LEGACY}
    await world.poll()
    assert not (await world.remove()).certain, "it is still listed"
    await world.poll()
    await world.poll()
    assert (await world.remove()).certain
    assert world.provider.group_counts() == GroupCounts()


async def test_a_pod_deleted_before_its_group_was_adopted_takes_it_along() -> None:
    world = World(adopt_legacy=True)
    add_legacy(world)
    await world.started()
    await world.remove()
    assert world.cloud.touched() == {LEGACY}


async def test_an_adopted_group_that_somebody_deletes_fails_its_pod() -> None:
    world = await adopted_world()
    world.cloud.remove(LEGACY)
    await world.settle()
    assert world.phase == "Failed"
    assert world.cloud.touched() == set()


async def test_an_adopted_group_that_never_ran_and_is_gone_is_followed_by_one_of_ours() -> None:
    world = World(adopt_legacy=True)
    add_legacy(world)
    world.cloud.set_state(LEGACY, "pending")
    await world.started()
    await world.settle(3)
    assert world.attempt == LEGACY_ATTEMPT
    world.cloud.remove(LEGACY)
    await world.settle()
    assert world.attempt == 0
    assert world.cloud.touched() == {name_of()}


async def test_a_second_group_of_an_adopted_pod_is_deleted() -> None:
    world = await adopted_world()
    world.run_group()
    await world.poll()
    await world.settle(2)
    assert world.cloud.touched() == {name_of()}


async def test_a_pod_that_has_a_group_of_ours_is_not_given_that_of_the_go_program() -> None:
    world = World(adopt_legacy=True)
    world.run_group()
    world.annotate(Record(name_of(), 0).annotations())
    add_legacy(world)
    await world.started()
    await world.settle()
    assert (world.attempt, world.cloud.touched()) == (0, set())


async def test_a_pod_whose_own_group_was_never_made_is_adopted() -> None:
    world = World()
    add_legacy(world)
    await world.started()
    world.cloud.fail("create", *["quota"] * 20)
    await world.settle(3)
    assert world.waiting == "SaladCloudQuotaExceeded"
    world.adopt_legacy = True
    world.restart()
    await world.started()
    await world.settle(3)
    assert (world.attempt, world.phase) == (LEGACY_ATTEMPT, "Running")
    assert world.cloud.count("create") == 1


IMITATIONS: list[Any] = [
    pytest.param(metadata("another-uid"), {}, id="another pod's UID"),
    pytest.param(metadata(namespace="other"), {}, id="another namespace"),
    pytest.param(metadata(name="other"), {}, id="another name"),
    pytest.param({}, {}, id="no metadata"),
    pytest.param({"POD_METADATA_YAML": "no metadata"}, {}, id="no JSON"),
    pytest.param(environment(mark(name="web")), {}, id="our marks under the Go program's name"),
    pytest.param({**metadata(), "SCVK_POD_UID": UID}, {"image": "evil"}, id="both, and another image"),
    pytest.param(metadata(), {"image": "evil"}, id="another image"),
    pytest.param(metadata(), {"command": ["evil"]}, id="another command"),
]


@pytest.mark.parametrize(("variables", "container"), IMITATIONS)
async def test_an_imitation_is_left_alone_and_keeps_no_pod_from_running(
    variables: dict[str, str], container: dict[str, Any]
) -> None:
    world = World(adopt_legacy=True)
    add_legacy(world, variables, **container)
    await world.started()
    await world.settle()
    assert (world.attempt, world.phase) == (0, "Pending")
    assert world.cloud.touched() == {name_of()}
    counts = world.provider.group_counts()
    assert counts is not None
    assert (counts.owned, counts.adopted, counts.foreign) == (1, 0, 1)


@pytest.mark.parametrize(("variables", "container"), IMITATIONS[:6])
async def test_no_record_gives_a_right_to_a_group_that_does_not_name_the_pod(
    variables: dict[str, str], container: dict[str, Any]
) -> None:
    world = World(adopt_legacy=True)
    add_legacy(world, variables, **container)
    world.annotate(ADOPTED.annotations())
    await world.started()
    await world.settle()
    assert LEGACY not in world.cloud.touched()
    for _ in range(5):
        await world.remove()
        await world.poll()
    assert LEGACY in world.cloud.groups
    assert LEGACY not in world.cloud.touched()


async def test_a_record_of_another_pods_legacy_group_counts_for_nothing() -> None:
    world = World(adopt_legacy=True)
    add_legacy(world, metadata("other", name="api"), name="shop-api")
    world.annotate(Record("shop-api", LEGACY_ATTEMPT).annotations())
    await world.started()
    await world.settle()
    assert world.attempt == 0
    await world.remove()
    assert "shop-api" not in world.cloud.touched()


async def test_a_group_that_names_the_pod_and_is_not_adopted_is_told() -> None:
    world = World(adopt_legacy=True)
    add_legacy(world, image="another")
    await world.started()
    await world.settle()
    told = [event.message for event in world.events if event.reason == "NotAdopted"]
    assert len(told) == 1
    assert "shop-web names this pod and is left alone, because it runs another image than the pod" in told[0]


async def test_a_pod_that_sets_the_go_programs_variable_itself_adopts_nothing() -> None:
    variable = {"name": "POD_METADATA_YAML", "value": metadata()["POD_METADATA_YAML"]}
    world = World(a_pod(container={"env": [variable]}), adopt_legacy=True)
    add_legacy(world)
    await world.started()
    await world.settle(3)
    assert world.attempt != LEGACY_ATTEMPT
    assert LEGACY not in world.cloud.touched()


async def test_where_the_listing_may_be_cut_the_go_programs_group_is_asked_for_by_name() -> None:
    world = World(adopt_legacy=True)
    for number in range(100):
        world.cloud.add(f"other-{number}")
    world.cloud.list_max = 100
    add_legacy(world)
    await world.started()
    await world.settle(4)
    assert world.attempt == LEGACY_ATTEMPT
    assert world.cloud.touched() == set()


async def test_a_pod_that_ran_is_not_given_a_second_group_for_one_stale_listing() -> None:
    world = World(a_pod(status={"phase": "Running"}), adopt_legacy=True)
    add_legacy(world)
    missed = world.cloud.groups.pop(LEGACY)
    await world.started()
    world.cloud.groups[LEGACY] = missed
    await world.sync()
    assert world.attempt == LEGACY_ATTEMPT


async def test_a_hidden_environment_changes_nothing() -> None:
    world = World(adopt_legacy=True)
    add_legacy(world)
    world.cloud.hidden.add(LEGACY)
    world.cloud.get_shows_environment = False
    await world.started()
    for _ in range(3):
        with pytest.raises(TemporaryProviderError, match="does not show the environment"):
            await world.sync()
        await world.poll()
    assert (world.attempt, world.cloud.touched()) == (None, set())
    assert world.provider.group_counts() == GroupCounts(unknown=1)


async def test_a_legacy_group_whose_pod_was_gone_before_anybody_looked_is_not_held() -> None:
    world = World(adopt_legacy=True)
    add_legacy(world, metadata("gone", name="gone"), name="shop-gone")
    await world.started()
    assert world.provider.holdings() == ()
    assert world.provider.group_counts() == GroupCounts(foreign=1)
