"""`scvk gc`: what it shows is what the agent's collection would do, and what it deletes is confirmed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import httpx2
import pytest

from scvk.kubelet.orphans import Judge, Verdict
from scvk.left_overs import CONFIRMED_WITHIN_S, LeftOvers, Survey
from scvk.provider.adoption import Owners
from scvk.provider.ownership import PodMark, environment, group_name
from scvk.saladcloud.budget import RequestBudget
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.errors import SaladCloudError
from scvk.saladcloud.exchange import http_client
from tests.integration.provider.scripted_saladcloud import ScriptedSaladCloud, wall_clock
from tests.integration.provider.test_adoption import metadata
from tests.integration.provider.world import CLUSTER, World, monotonic
from tests.unit.kubelet.builders import pod_json
from tests.unit.kubelet.in_memory_api import InMemoryApi

pytestmark = pytest.mark.looptime

PAUSE_S = 30.0


@dataclass
class Desk:
    """A cluster, a project, and somebody at the desk who runs `scvk gc` as the agent of node-a may."""

    cloud: ScriptedSaladCloud = field(default_factory=ScriptedSaladCloud)
    api: InMemoryApi = field(default_factory=InMemoryApi)

    def left_overs(self) -> LeftOvers:
        budget = RequestBudget(monotonic)
        client = SaladCloudClient(
            http_client("test", transport=httpx2.MockTransport(self.cloud)),
            api_key="secret-key",
            organization="acme",
            project="default",
            budget=budget,
            clock=monotonic,
            now=wall_clock,
        )
        judge = Judge(self.api.cluster, "node-a", known_uids=frozenset)
        return LeftOvers(client, budget, Owners(cluster_id=CLUSTER, node="node-a"), judge, monotonic=monotonic)

    def group(self, pod: str, *, uid: str = "uid-a", node: str = "node-a", attempt: int = 0) -> str:
        mark = PodMark(CLUSTER, "shop", pod, uid, attempt, node)
        self.cloud.add(group_name(mark), environment(mark))
        return group_name(mark)

    async def survey(self) -> dict[str, Verdict]:
        return verdicts(await self.left_overs().survey(pause_s=PAUSE_S))

    async def collect(self) -> Survey:
        left_overs = self.left_overs()
        return await left_overs.delete(await left_overs.survey(pause_s=PAUSE_S))


def verdicts(survey: Survey) -> dict[str, Verdict]:
    return {report.mark.name: report.verdict for report in survey.groups}


async def test_what_lost_its_pod_is_orphaned_and_what_has_one_is_kept() -> None:
    desk = Desk()
    desk.group("gone")
    desk.group("here", uid="uid-h")
    desk.group("replaced", uid="old")
    desk.group("elsewhere", node="node-b")
    desk.group("nowhere", node="node-c")
    desk.api.put("pods/shop/here", pod_json("here", uid="uid-h"))
    desk.api.put("pods/shop/replaced", pod_json("replaced", uid="new"))
    desk.api.put("nodes/node-b", {})
    assert await desk.survey() == {
        "gone": Verdict.ORPHANED,
        "here": Verdict.KEPT,
        "replaced": Verdict.ORPHANED,
        "elsewhere": Verdict.KEPT,
        "nowhere": Verdict.ORPHANED,
    }
    assert desk.cloud.touched() == set()
    assert not any(seen.is_write for seen in desk.api.seen)


async def test_two_passes_stand_apart_and_use_listings_of_their_own() -> None:
    desk = Desk()
    desk.group("gone")
    await desk.survey()
    listings = [at for at, kind, _ in desk.cloud.requests if kind == "list"]
    assert len(listings) == 2
    assert listings[1] - listings[0] >= PAUSE_S


async def test_where_nothing_is_orphaned_one_pass_is_enough() -> None:
    desk = Desk()
    desk.group("here")
    desk.api.put("pods/shop/here", pod_json("here"))
    await desk.survey()
    assert asyncio.get_running_loop().time() < PAUSE_S


async def test_what_only_one_pass_finds_orphaned_is_unknown() -> None:
    desk = Desk()
    desk.group("gone")
    desk.group("doubtful", uid="uid-d")
    desk.api.refuse(500, path="pods/shop/doubtful", times=1)
    assert await desk.survey() == {"gone": Verdict.ORPHANED, "doubtful": Verdict.UNKNOWN}


@pytest.mark.parametrize("status", [403, 500, 503])
@pytest.mark.parametrize("path", ["pods", "nodes"])
async def test_an_api_server_that_does_not_tell_lets_nothing_be_deleted(status: int, path: str) -> None:
    desk = Desk()
    desk.group("gone", node="node-c")
    desk.api.refuse(status, path=path, times=None)
    survey = await desk.collect()
    assert verdicts(survey) == {"gone": Verdict.UNKNOWN}
    assert desk.cloud.touched() == set()


async def test_orphans_are_deleted_and_their_end_is_confirmed() -> None:
    desk = Desk(ScriptedSaladCloud(deleted_stays_for=3))
    names = {desk.group(name, uid=f"uid-{name}") for name in ("one", "two")}
    names.add(desk.group("one", uid="uid-one", attempt=1))
    kept = desk.group("here", uid="uid-h")
    desk.api.put("pods/shop/here", pod_json("here", uid="uid-h"))
    survey = await desk.collect()
    assert {report.group: report.deleted for report in survey.groups} == {kept: None, **dict.fromkeys(names, True)}
    assert set(desk.cloud.groups) == {kept}
    assert desk.cloud.count("delete") == 3


async def test_a_group_that_stays_listed_is_not_told_as_deleted() -> None:
    desk = Desk(ScriptedSaladCloud(deleted_stays_for=10_000))
    desk.group("gone")
    (report,) = (await desk.collect()).groups
    assert report.deleted is False
    assert asyncio.get_running_loop().time() < PAUSE_S + CONFIRMED_WITHIN_S + 60


@pytest.mark.parametrize("fault", ["429", "500", "html", "refused", "timeout", "lost timeout", "lost 500"])
@pytest.mark.parametrize("kind", ["delete", "list"])
async def test_a_platform_that_falters_is_asked_again(kind: str, fault: str) -> None:
    desk = Desk()
    desk.group("gone")
    left_overs = desk.left_overs()
    survey = await left_overs.survey(pause_s=PAUSE_S)
    desk.cloud.fail(kind, fault, fault)
    (report,) = (await left_overs.delete(survey)).groups
    assert report.deleted is True


async def test_a_listing_that_fails_is_told_and_nothing_is_deleted() -> None:
    desk = Desk()
    desk.group("gone")
    desk.cloud.fail("list", *["500"] * 10)
    with pytest.raises(SaladCloudError):
        await desk.collect()
    assert desk.cloud.touched() == set()


async def test_a_running_agent_that_deletes_the_same_groups_is_no_conflict() -> None:
    desk = Desk()
    name = desk.group("gone")
    left_overs = desk.left_overs()
    survey = await left_overs.survey(pause_s=PAUSE_S)
    desk.cloud.remove(name)
    (report,) = (await left_overs.delete(survey)).groups
    assert report.deleted is True


async def test_foreign_and_legacy_groups_are_counted_and_never_touched() -> None:
    desk = Desk()
    desk.group("gone")
    desk.cloud.add("theirs")
    desk.cloud.add("shop-web", metadata("uid-of-a-pod-that-is-gone"))
    other_cluster = PodMark("c2", "shop", "web", "uid-x", 0, "node-a")
    desk.cloud.add(group_name(other_cluster), environment(other_cluster))
    survey = await desk.collect()
    assert (survey.counts.owned, survey.counts.foreign) == (1, 3)
    assert survey.legacy == ("shop-web",)
    assert set(desk.cloud.groups) == {"theirs", "shop-web", group_name(other_cluster)}


async def test_an_environment_that_listings_hide_is_asked_for_where_the_name_may_be_ours() -> None:
    desk = Desk(ScriptedSaladCloud(shows_environment=False))
    desk.group("gone")
    desk.cloud.add("theirs")
    assert await desk.survey() == {"gone": Verdict.ORPHANED}
    assert {name for _, kind, name in desk.cloud.requests if kind == "get"} == {next(iter(desk.cloud.groups))}


async def test_a_listing_that_may_be_cut_is_told() -> None:
    desk = Desk(ScriptedSaladCloud(list_max=100))
    for number in range(120):
        desk.cloud.add(f"theirs-{number}")
    assert (await desk.left_overs().survey(pause_s=PAUSE_S)).cut


async def test_a_group_made_between_the_passes_is_not_collected() -> None:
    desk = Desk()
    desk.group("gone")
    task = asyncio.create_task(desk.left_overs().survey(pause_s=PAUSE_S))
    await asyncio.sleep(PAUSE_S / 2)
    desk.group("late", uid="uid-late")
    assert verdicts(await task) == {"gone": Verdict.ORPHANED, "late": Verdict.UNKNOWN}


async def test_what_the_agent_holds_is_what_is_surveyed() -> None:
    world = World()
    world.run_group()
    world.cloud.add("theirs")
    await world.started()
    desk = Desk(world.cloud)
    survey = await desk.left_overs().survey(pause_s=PAUSE_S)
    held = world.provider.holdings()
    assert held is not None
    assert {(one.pod.uid, one.node) for one in held} == {(one.mark.uid, one.mark.node) for one in survey.groups}
