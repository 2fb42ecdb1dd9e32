"""From a pod to its one group, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import httpx2
import pytest

from scvk.kubelet.informer import key_of
from scvk.kubelet.inputs import ContainerInputs, MissingInput, PodInputs
from scvk.kubelet.provider import TemporaryProviderError
from scvk.provider.decide import SETTLING_S
from scvk.provider.ownership import Owned, environment, mark_of
from scvk.provider.refusals import FINAL_AGAIN_S, PASSING_AGAIN_S
from scvk.provider.saladcloud_provider import QUOTA_AGAIN_S, REFUSED_AGAIN_S
from scvk.saladcloud.budget import RequestClass
from tests.integration.provider.scripted_saladcloud import FAULTS, ScriptedSaladCloud
from tests.integration.provider.world import World, mark, name_of
from tests.unit.provider.evidence import a_pod

pytestmark = pytest.mark.looptime


async def test_the_record_stands_on_the_pod_before_anything_is_made() -> None:
    world = await World().started()
    first = await world.sync()
    assert (first.again_in, first.status, world.attempt) == (0, None, 0)
    assert world.cloud.count("create") == 0
    await world.sync()
    assert list(world.cloud.groups) == [name_of()]
    assert (world.phase, world.waiting) == ("Pending", "ContainerCreating")
    assert "Created" in [event.reason for event in world.events]


async def test_before_the_first_listing_nothing_is_created() -> None:
    world = World()
    await world.provider._organization.read()
    for _ in range(3):
        await world.sync()
    assert world.cloud.count("create") == 0


async def test_a_group_is_created_once_and_then_observed() -> None:
    world = await World().started()
    await world.settle()
    world.cloud.set_state(name_of(), "running", 1)
    await world.settle()
    assert (world.cloud.count("create"), world.phase, world.container.ready) == (1, "Running", True)


@pytest.mark.parametrize(
    ("faults", "creates"),
    [
        (["500"], 2),
        (["429"], 2),
        (["html"], 2),
        (["refused"], 2),
        (["timeout"], 2),
        (["unauthorized"], 2),
        (["500", "429", "timeout", "html 404"], 5),
        (["lost 500"], 1),
        (["lost timeout"], 1),
        (["lost html 200"], 1),
        (["lost 429"], 1),
    ],
    ids=str,
)
async def test_one_group_is_created_whatever_becomes_of_the_answer(faults: list[str], creates: int) -> None:
    world = await World().started()
    world.cloud.fail("create", *faults)
    await world.settle(20)
    assert list(world.cloud.groups) == [name_of()]
    assert world.cloud.count("create") == creates
    assert {body["name"] for body in world.cloud.bodies} == {name_of()}
    assert world.waiting == "ContainerCreating"


async def test_a_rate_limit_says_when_to_try_again() -> None:
    world = await World().started()
    await world.sync()
    world.cloud.fail("create", "429")
    with pytest.raises(TemporaryProviderError) as caught:
        await world.sync()
    assert caught.value.retry_after == 7


async def test_after_a_lost_answer_only_a_later_listing_decides() -> None:
    world = await World().started()
    await world.sync()

    async def create_meanwhile() -> None:
        world.cloud.fail("create", "lost timeout")
        await asyncio.sleep(1)
        with pytest.raises(TemporaryProviderError):
            await world.sync()
        await asyncio.sleep(1)

    world.cloud.meanwhile["list"] = create_meanwhile  # this listing was taken before the group came
    await world.poll()
    await world.sync()
    assert world.cloud.count("create") == 1
    await world.poll()
    await world.sync()
    assert (world.cloud.count("create"), world.waiting) == (1, "ContainerCreating")


async def test_a_listing_taken_while_a_create_was_under_way_says_nothing_of_it() -> None:
    world = await World().started()
    await world.sync()

    async def list_meanwhile() -> None:
        not_there_yet = world.cloud.groups.pop(name_of())
        await world.poll()
        world.cloud.groups[name_of()] = not_there_yet
        await asyncio.sleep(1)

    world.cloud.meanwhile["create"] = list_meanwhile
    world.cloud.fail("create", "lost timeout")
    with pytest.raises(TemporaryProviderError):
        await world.sync()
    await world.sync()
    assert world.cloud.count("create") == 1


async def test_a_listing_in_flight_during_a_create_does_not_hide_the_group() -> None:
    world = await World().started()
    await world.sync()

    async def create_meanwhile() -> None:
        await asyncio.sleep(1)
        await world.sync()
        await asyncio.sleep(1)

    world.cloud.meanwhile["list"] = create_meanwhile
    await world.poll()
    await world.sync()
    assert (world.cloud.count("create"), world.waiting) == (1, "ContainerCreating")


async def test_an_agent_killed_after_its_create_adopts_the_group_of_its_forerunner() -> None:
    world = await World().started()
    await world.sync()

    async def die() -> None:
        world.restart()
        raise asyncio.CancelledError

    world.cloud.meanwhile["create"] = die
    with pytest.raises(asyncio.CancelledError):
        await world.sync()
    await world.started()
    await world.settle()
    assert (list(world.cloud.groups), world.cloud.count("create")) == ([name_of()], 1)


async def test_a_name_conflict_with_a_group_of_ours_adopts_it() -> None:
    world = await World().started()
    await world.sync()
    world.run_group()  # after the listing: only the conflict tells of it
    await world.sync()
    assert (world.phase, world.container.ready, world.attempt) == ("Running", True, 0)
    assert world.cloud.count("create") == 1


async def test_a_name_that_is_used_up_leads_to_the_next_attempt_when_the_group_is_surely_gone() -> None:
    world = await World().started()
    world.cloud.used_names.add(name_of())
    await world.sync()
    await world.sync()
    assert (world.cloud.count("create"), world.cloud.count("get"), world.attempt) == (1, 1, 0)
    await world.poll()
    await world.sync()
    assert world.attempt == 0, "one listing proves nothing"
    await world.poll()
    await world.sync()
    assert (world.attempt, world.cloud.count("get")) == (0, 1), "it may be shown late"
    await asyncio.sleep(SETTLING_S)
    await world.sync()
    assert (world.attempt, world.cloud.count("get")) == (1, 2)
    await world.sync()
    assert list(world.cloud.groups) == [name_of(1)]
    assert world.cloud.count("create") == 2
    await world.settle()
    assert world.cloud.count("create") == 2


async def test_a_name_used_up_and_a_cut_listing_wait_for_a_complete_one_at_a_slow_pace() -> None:
    world = await World().started()
    world.cloud.used_names.add(name_of())
    await world.sync()
    await world.sync()
    for number in range(100):
        world.cloud.add(f"foreign-{number}")
    await world.poll()
    waits = [(await world.sync()).again_in for _ in range(3)]
    assert waits == [60, 60, 60]
    assert world.attempt == 0
    world.cloud.remove("foreign-0")
    await asyncio.sleep(SETTLING_S)
    await world.settle()
    assert list(world.cloud.groups)[-1] == name_of(1)


async def test_a_group_of_somebody_else_under_our_name_is_left_alone_and_the_next_name_taken() -> None:
    world = World()
    world.cloud.add(name_of(), {"SOMETHING": "else"})
    await world.started()
    await world.settle()
    assert list(world.cloud.groups) == [name_of(), name_of(1)]
    assert world.cloud.touched() == {name_of(1)}


async def test_a_group_that_somebody_makes_under_our_name_meanwhile_is_not_taken_for_the_pods() -> None:
    world = await World().started()
    await world.sync()
    world.cloud.add(name_of(), {"OWNER": "somebody else"})
    await world.sync()  # the create is refused: the name is used
    assert world.phase != "Running"
    await world.settle()
    assert world.attempt == 1
    assert set(world.cloud.groups) == {name_of(0), name_of(1)}
    assert world.cloud.count("delete") == 0


async def test_a_project_with_exactly_as_many_groups_as_a_listing_holds_still_takes_pods() -> None:
    world = World()
    for number in range(100):
        world.cloud.add(f"foreign-{number}")
    await world.started()
    await world.settle(3)
    assert world.cloud.count("create") == 1
    assert name_of() in world.cloud.groups
    assert world.cloud.touched() == {name_of()}


async def test_a_quota_is_told_and_tried_again() -> None:
    world = await World().started()
    world.cloud.fail("create", "quota", "quota")
    await world.sync()
    await world.sync()
    assert (world.phase, world.waiting) == ("Pending", "SaladCloudQuotaExceeded")
    for tries in (1, 2):
        await world.poll()
        again = await world.sync()
        assert again.events == ()
        assert (world.status_writes, world.cloud.count("create")) == (1, tries), "not at once"
        await asyncio.sleep(QUOTA_AGAIN_S)
        await world.sync()
    assert (world.cloud.count("create"), world.waiting) == (3, "ContainerCreating")


async def test_a_pod_that_is_mended_after_a_refusal_that_can_pass_is_tried_at_once() -> None:
    world = await World().started()
    world.cloud.fail("create", "payment")
    await world.settle(2)
    assert world.pod.spec
    world.pod.spec.containers[0].image = "nginx:2"
    await world.sync()
    assert (world.cloud.count("create"), world.waiting) == (2, "ContainerCreating")


async def test_a_request_that_was_wrong_is_sent_again_when_a_secret_in_it_changes() -> None:
    world = await World().started()
    world.cloud.fail("create", "invalid")
    await world.settle(2)
    assert (await world.sync()).again_in == FINAL_AGAIN_S
    world.inputs.found = PodInputs({"main": ContainerInputs(command=("run",), environment={"TOKEN": "new"})})
    await world.sync()
    assert (world.cloud.count("create"), world.waiting) == (2, "ContainerCreating")


async def test_a_restart_tries_a_refused_request_once_more_and_no_oftener() -> None:
    world = await World().started()
    world.cloud.fail("create", "invalid", "invalid")
    await world.settle()
    world.restart()
    await world.started()
    await world.settle()
    assert (world.cloud.count("create"), world.status_writes) == (2, 1)


async def test_a_request_that_is_wrong_is_not_repeated_until_the_pod_changes() -> None:
    world = await World().started()
    world.cloud.fail("create", "invalid")
    await world.settle()
    assert world.cloud.count("create") == 1
    assert (world.phase, world.waiting, world.status_writes) == ("Pending", "CreateContainerError", 1)
    message = world.container.state and world.container.state.waiting and world.container.state.waiting.message
    assert "the image is not allowed" in (message or "")
    assert [event.reason for event in world.events] == ["CreateContainerError"]
    assert world.pod.spec
    world.pod.spec.containers[0].image = "nginx:2"
    await world.settle()
    assert (world.cloud.count("create"), world.waiting) == (2, "ContainerCreating")


async def test_a_refusal_that_can_pass_is_tried_again() -> None:
    world = await World().started()
    world.cloud.fail("create", "payment")
    await world.sync()
    refused = await world.sync()
    assert (world.waiting, refused.again_in) == ("CreateContainerError", PASSING_AGAIN_S)
    await world.settle(3)
    assert world.cloud.count("create") == 1
    await asyncio.sleep(REFUSED_AGAIN_S)
    world.provider._refusals.call_next()
    assert world.changed() == [key_of(world.pod)]
    await world.sync()
    assert (world.cloud.count("create"), world.waiting) == (2, "ContainerCreating")


async def test_a_pod_that_cannot_be_translated_waits_with_a_reason_and_costs_nothing() -> None:
    pod = a_pod(spec={"containers": [{"name": "main", "image": "nginx"}, {"name": "sidecar", "image": "envoy"}]})
    world = await World(pod).started()
    before = len(world.cloud.requests)
    for _ in range(5):
        observation = await world.sync()
        assert observation.again_in == 30
    assert len(world.cloud.requests) == before
    assert (world.attempt, world.phase, world.status_writes) == (None, "Pending", 1)
    assert [event.reason for event in world.events] == ["UnsupportedContainer"]
    assert world.pod.status
    shown = {entry.name: entry.state for entry in world.pod.status.containerStatuses or []}
    assert set(shown) == {"main", "sidecar"}
    assert all(state and state.waiting and state.waiting.reason == "UnsupportedContainer" for state in shown.values())


async def test_without_gpu_classes_nothing_is_judged() -> None:
    world = World()
    world.cloud.fail("gpus", "500")
    await world.started()
    with pytest.raises(TemporaryProviderError, match="GPU classes"):
        await world.sync()
    assert world.cloud.count("create") == 0


async def test_no_secret_stands_in_what_is_told() -> None:
    pod = a_pod(container={"env": [{"name": "PASSWORD", "value": "hunter2-hunter2"}]})
    cloud = ScriptedSaladCloud()
    world = await World(pod, cloud).started()
    cloud.fail("create", "invalid", "quota", "500")
    await world.settle()
    told = repr((world.pod.status, world.events))
    assert "hunter2" not in told
    assert "secret-key" not in told


async def test_the_group_carries_the_marks_that_make_it_ours() -> None:
    world = await World().started()
    await world.sync()
    await world.sync()
    (group,) = world.provider._view.groups
    assert mark_of(group, cluster_id="c1") == Owned(mark())
    assert environment(mark()).items() <= world.cloud.bodies[0]["container"]["environment_variables"].items()


async def test_inputs_are_asked_for_only_when_something_is_to_be_made() -> None:
    world = await World().started()
    await world.sync()
    await world.sync()
    asked = len(world.inputs.asked)
    assert asked == 2, "before the record is written, and before the group is made"
    assert {needs.containers for needs in world.inputs.asked} == {("main",)}
    await world.settle()
    assert len(world.inputs.asked) == asked


async def test_what_runs_is_not_disturbed_by_an_input_that_is_gone() -> None:
    world = await World().started()
    world.run_group()
    await world.poll()
    world.inputs.missing = MissingInput(
        'secret "keys" not found', path="spec.containers[0]", reason="CreateContainerConfigError", event_reason="Failed"
    )
    await world.settle()
    assert world.attempt == 0
    assert world.phase == "Running"
    assert world.inputs.asked == []


async def test_a_missing_input_is_the_kubelets_to_tell_and_lets_nothing_be_made() -> None:
    world = await World().started()
    await world.sync()
    world.inputs.missing = MissingInput(
        'secret "keys" not found', path="spec.containers[0]", reason="CreateContainerConfigError", event_reason="Failed"
    )
    with pytest.raises(MissingInput):
        await world.sync()
    assert world.cloud.count("create") == 0
    world.inputs.missing = None
    await world.settle(2)
    assert world.cloud.count("create") == 1


async def test_annotations_of_the_namespace_are_defaults_of_the_pods() -> None:
    world = await World().started()
    world.inputs.defaults = {"salad.com/country-codes": "ca"}
    await world.settle(2)
    assert world.cloud.bodies[0]["country_codes"] == ["ca"]


async def test_a_pod_without_room_for_its_create_request_is_told_so_and_holds_nobody_up() -> None:
    world = await World().started()
    await world.sync()
    budget = world.provider._poller._budget
    while budget.available(RequestClass.CREATE):
        await budget.acquire(RequestClass.CREATE)
    async with asyncio.timeout(1):
        await world.sync()
    assert (world.waiting, world.cloud.count("create")) == ("ContainerCreating", 0)
    assert "waiting for a turn" in str(world.container.state)
    task = asyncio.create_task(world.provider.run())
    await asyncio.sleep(61)
    assert key_of(world.pod) in world.changed()
    await world.sync()
    assert world.cloud.count("create") == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_pod_deleted_while_it_waits_for_room_is_never_created() -> None:
    world = await World().started()
    await world.sync()
    budget = world.provider._poller._budget
    while budget.available(RequestClass.CREATE):
        await budget.acquire(RequestClass.CREATE)
    await world.sync()
    for _ in range(2):
        await world.poll()
    assert (await world.remove()).certain
    assert len(world.provider._creations) == 0
    assert world.cloud.count("create") == 0


async def test_pods_that_wait_for_room_are_not_asked_for_by_name_where_the_listing_may_be_cut() -> None:
    world = await World().started()
    await world.sync()
    for number in range(100):
        world.cloud.add(f"other-{number}")
    await world.poll()
    budget = world.provider._poller._budget
    with suppress(TimeoutError):
        async with asyncio.timeout(30):
            while True:
                await budget.acquire(RequestClass.CREATE)
    await world.sync()
    asked = world.cloud.count("get")
    for _ in range(5):
        await world.sync()
    assert (world.cloud.count("get"), asked, world.cloud.count("create")) == (1, 1, 0)


class LateListings(ScriptedSaladCloud):
    """A new group is in no listing before `listed_after` seconds, and cannot be read before `readable_after`."""

    listed_after = 30.0
    readable_after = 0.0

    def _age(self, name: str) -> float:
        made = [at for at, kind, of in self.requests if kind == "create" and of == name]
        return asyncio.get_running_loop().time() - made[0] if made else float("inf")

    def _list(self, name: str, request: httpx2.Request) -> httpx2.Response:
        late = {name: self.groups.pop(name) for name in list(self.groups) if self._age(name) < self.listed_after}
        answer = super()._list(name, request)
        self.groups |= late
        return answer

    def _get(self, name: str, request: httpx2.Request) -> httpx2.Response:
        if self._age(name) < self.readable_after:
            return FAULTS["404"](request)
        return super()._get(name, request)


@pytest.mark.parametrize("fault", ["", "lost timeout", "lost 500"], ids=["answered", "answer lost", "answered 500"])
@pytest.mark.parametrize("readable_after", [0.0, 10.0])
async def test_a_group_that_listings_show_late_is_not_made_twice(fault: str, readable_after: float) -> None:
    cloud = LateListings()
    cloud.readable_after = readable_after
    world = await World(cloud=cloud).started()
    if fault:
        cloud.fail("create", fault)
    await world.settle(60)
    assert set(cloud.groups) == {name_of()}
    assert (world.attempt, world.waiting) == (0, "ContainerCreating")


async def test_a_name_that_was_taken_is_not_asked_for_again_while_listings_are_late() -> None:
    cloud = LateListings()
    world = await World(cloud=cloud).started()
    await world.settle(25)
    assert cloud.count("create") == 1
