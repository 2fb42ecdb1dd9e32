"""The node's heartbeat, and the lease that keeps a second agent from playing the same node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from scvk.kubelet.cluster_errors import ClusterForbidden, ClusterUnreachable
from scvk.kubelet.lease import AgentLease, AgentLeaseLost, AnotherAgent, NodeLease
from tests.unit.kubelet.in_memory_api import InMemoryApi

pytestmark = pytest.mark.looptime
Now = Callable[[], datetime]

NODE_LEASE = "leases/kube-node-lease/salad"
AGENT_LEASE = "leases/lab/salad-agent"


# -- the node's lease ------------------------------------------------------------------------------------------------


@asynccontextmanager
async def in_background(work: Any) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def node_lease(api: InMemoryApi, now: Now) -> NodeLease:
    return NodeLease(api.cluster, "salad", lambda: "node-uid", now=now)


async def test_the_node_lease_is_made_as_the_node_lifecycle_controller_reads_it(
    api: InMemoryApi, node_lease: NodeLease
) -> None:
    await node_lease.renew()
    lease = api.objects[NODE_LEASE]
    assert lease["spec"] == {
        "holderIdentity": "salad",
        "leaseDurationSeconds": 40,
        "renewTime": "2026-03-01T12:00:00.000000Z",
    }
    assert lease["metadata"]["ownerReferences"] == [
        {"apiVersion": "v1", "kind": "Node", "name": "salad", "uid": "node-uid"}
    ]


async def test_the_node_lease_is_renewed_every_ten_seconds(api: InMemoryApi, node_lease: NodeLease) -> None:
    async with in_background(node_lease.run()):
        await asyncio.sleep(25)
        assert api.objects[NODE_LEASE]["spec"]["renewTime"] == "2026-03-01T12:00:20.000000Z"
    # Who alone writes a lease need not read it before each renewal: 360 requests an hour, not 720.
    assert [seen.method for seen in api.seen] == ["GET", "POST", "PUT", "PUT"]


async def test_a_node_lease_that_somebody_wrote_to_is_renewed_all_the_same(
    api: InMemoryApi, node_lease: NodeLease
) -> None:
    await node_lease.renew()
    api.change(NODE_LEASE, {"metadata": {"labels": {"seen": "yes"}}, "spec": {"holderIdentity": "other"}})
    await node_lease.renew()
    assert api.objects[NODE_LEASE]["spec"]["holderIdentity"] == "salad"


async def test_a_renewal_whose_answer_was_lost_is_followed_by_the_next(
    api: InMemoryApi, node_lease: NodeLease, lease: AgentLease
) -> None:
    async with in_background(node_lease.run()), in_background(_held(lease)):
        await asyncio.sleep(1)
        for path in (NODE_LEASE, AGENT_LEASE):
            api.change(path, {"metadata": {"labels": {"written": "and the answer lost"}}})
        await asyncio.sleep(12)
        assert api.objects[NODE_LEASE]["spec"]["renewTime"] == "2026-03-01T12:00:10.000000Z"
        assert spec(api)["renewTime"] == "2026-03-01T12:00:12.000000Z"


async def _held(lease: AgentLease) -> None:
    await lease.acquire()
    await lease.run()


async def test_a_node_lease_that_was_deleted_is_made_again(api: InMemoryApi, node_lease: NodeLease) -> None:
    async with in_background(node_lease.run()):
        await asyncio.sleep(5)
        api.remove(NODE_LEASE)
        await asyncio.sleep(10)
        assert NODE_LEASE in api.objects


async def test_a_node_lease_deleted_between_look_and_renewal_is_made_again(
    api: InMemoryApi, node_lease: NodeLease
) -> None:
    await node_lease.renew()
    api.before = lambda seen: api.remove(NODE_LEASE) if seen.method == "PUT" else None
    await node_lease.renew()
    assert NODE_LEASE in api.objects


async def test_a_renewal_that_failed_is_repeated_soon(api: InMemoryApi, node_lease: NodeLease) -> None:
    api.refuse(503, times=3)
    async with in_background(node_lease.run()):
        await asyncio.sleep(5)
        assert NODE_LEASE in api.objects


async def test_a_node_whose_uid_is_not_known_yet_has_a_lease_without_owner(api: InMemoryApi, now: Now) -> None:
    await NodeLease(api.cluster, "salad", lambda: "", now=now).renew()
    assert api.objects[NODE_LEASE]["metadata"]["ownerReferences"] == []


# -- the agent's lease -----------------------------------------------------------------------------------------------


@pytest.fixture
def lease(api: InMemoryApi, now: Now) -> AgentLease:
    return AgentLease(api.cluster, "salad", namespace="lab", identity="me", now=now)


def held_by(holder: str, **spec: Any) -> dict[str, Any]:
    times = {"acquireTime": "2026-03-01T09:00:00.000000Z", "renewTime": "2026-03-01T09:30:00.000000Z"}
    return {"spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 3, **times, **spec}}


def spec(api: InMemoryApi) -> dict[str, Any]:
    found: dict[str, Any] = api.objects[AGENT_LEASE]["spec"]
    return found


async def test_a_lease_that_does_not_exist_is_made(api: InMemoryApi, lease: AgentLease, looptime: Any) -> None:
    await lease.acquire()
    assert lease.held.is_set()
    assert spec(api) == {
        "holderIdentity": "me",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-03-01T12:00:00.000000Z",
        "renewTime": "2026-03-01T12:00:00.000000Z",
        "leaseTransitions": 0,
    }
    assert looptime == 0


@pytest.mark.parametrize(("holder", "transitions"), [("", 3), ("me", 3)], ids=["released", "ours already"])
async def test_a_free_lease_is_taken_at_once(
    api: InMemoryApi, lease: AgentLease, looptime: Any, holder: str, transitions: int
) -> None:
    api.put(AGENT_LEASE, held_by(holder))
    await lease.acquire()
    assert lease.held.is_set()
    assert (spec(api)["holderIdentity"], spec(api)["leaseTransitions"]) == ("me", transitions)
    assert looptime == 0


async def test_a_holder_that_renews_is_alive(api: InMemoryApi, lease: AgentLease) -> None:
    api.put(AGENT_LEASE, held_by("other"))

    async def other() -> None:
        await asyncio.sleep(4)
        api.change(AGENT_LEASE, {"spec": {"renewTime": "2026-03-01T09:30:04.000000Z"}})

    async with in_background(other()):
        with pytest.raises(AnotherAgent, match=r"another agent \(other\) is alive .* lab/salad-agent .* --nodename"):
            await lease.acquire()
    assert not lease.held.is_set()
    assert spec(api)["holderIdentity"] == "other"


async def test_a_holder_that_does_not_renew_for_its_duration_is_dead(
    api: InMemoryApi, lease: AgentLease, looptime: Any
) -> None:
    api.put(AGENT_LEASE, held_by("other", leaseDurationSeconds=30))
    await lease.acquire()
    assert looptime == 30
    assert (spec(api)["holderIdentity"], spec(api)["leaseTransitions"]) == ("me", 4)
    assert spec(api)["acquireTime"] == "2026-03-01T12:00:30.000000Z"


async def test_clocks_that_differ_do_not_make_a_holder_dead(api: InMemoryApi, lease: AgentLease) -> None:
    # Its renewTime is hours old by our clock, but it moves.
    api.put(AGENT_LEASE, held_by("other", renewTime="2020-01-01T00:00:00.000000Z"))

    async def other() -> None:
        await asyncio.sleep(10)
        api.change(AGENT_LEASE, {"spec": {"renewTime": "2020-01-01T00:00:10.000000Z"}})

    async with in_background(other()):
        with pytest.raises(AnotherAgent):
            await lease.acquire()


async def test_of_two_agents_that_start_together_one_starts(api: InMemoryApi, lease: AgentLease, now: Now) -> None:
    api.delay_s = 0.1
    rival = AgentLease(api.cluster, "salad", namespace="lab", identity="rival", now=now)
    first = asyncio.create_task(lease.acquire())
    second = asyncio.create_task(rival.acquire())
    await first
    async with in_background(lease.run()):
        with pytest.raises(AnotherAgent):
            await second
    assert lease.held.is_set() != rival.held.is_set()


async def test_of_two_agents_that_wait_for_a_dead_one_one_takes_over(
    api: InMemoryApi, lease: AgentLease, now: Now
) -> None:
    api.put(AGENT_LEASE, held_by("dead"))
    api.delay_s = 0.1
    rival = AgentLease(api.cluster, "salad", namespace="lab", identity="rival", now=now)
    second = asyncio.create_task(rival.acquire())
    await lease.acquire()
    async with in_background(lease.run()):
        with pytest.raises(AnotherAgent):
            await second


@pytest.mark.parametrize("present", [False, True], ids=["make", "take"])
async def test_a_server_that_always_says_conflict_is_not_flooded(
    api: InMemoryApi, lease: AgentLease, present: bool
) -> None:
    if present:
        api.put(AGENT_LEASE, held_by(""))
    api.refuse(409, method="PUT" if present else "POST", times=None)
    async with in_background(lease.acquire()):
        await asyncio.sleep(10)
    assert len(api.seen) <= 25


async def test_a_lease_cannot_be_taken_without_the_api_server(api: InMemoryApi, lease: AgentLease) -> None:
    api.refuse(httpx2.ConnectError("refused"))
    with pytest.raises(ClusterUnreachable):
        await lease.acquire()
    api.refuse(403)
    with pytest.raises(ClusterForbidden):
        await lease.acquire()


async def test_a_held_lease_is_renewed_every_four_seconds(api: InMemoryApi, lease: AgentLease) -> None:
    await lease.acquire()
    async with in_background(lease.run()):
        await asyncio.sleep(3600)
        assert lease.held.is_set()
        assert spec(api)["renewTime"] >= "2026-03-01T12:59:55.000000Z"
        assert spec(api)["acquireTime"] == "2026-03-01T12:00:00.000000Z"
        assert spec(api)["leaseTransitions"] == 0
        # Read once, made, and written every four seconds: our own last write is what is there while nobody meddles.
        assert len(api.seen) == 2 + 899


async def test_a_lease_that_somebody_took_is_lost(api: InMemoryApi, lease: AgentLease) -> None:
    await lease.acquire()
    async with in_background(lease.run()) as running:
        api.change(AGENT_LEASE, {"spec": {"holderIdentity": "other"}})
        with pytest.raises(AgentLeaseLost, match="taken by other"):
            await running
    assert not lease.held.is_set()


async def test_a_deleted_lease_is_made_again(api: InMemoryApi, lease: AgentLease) -> None:
    await lease.acquire()
    async with in_background(lease.run()):
        api.remove(AGENT_LEASE)
        await asyncio.sleep(5)
        assert spec(api)["holderIdentity"] == "me"
        assert lease.held.is_set()


async def test_a_lease_is_not_held_while_another_may_act_and_held_again_afterwards(
    api: InMemoryApi, lease: AgentLease
) -> None:
    await lease.acquire()
    async with in_background(lease.run()):
        api.refuse(httpx2.ConnectError("refused"), times=None)
        await asyncio.sleep(10.9)
        assert lease.held.is_set()
        await asyncio.sleep(0.2)
        assert not lease.held.is_set()
        await asyncio.sleep(600)
        assert not lease.held.is_set()
        api.heal()
        await asyncio.sleep(4.1)
        assert lease.held.is_set()


async def test_a_server_that_never_answers_stops_us_before_another_may_start(
    api: InMemoryApi, lease: AgentLease
) -> None:
    await lease.acquire()
    async with in_background(lease.run()):
        await asyncio.sleep(4.1)
        api.delay_s = 1000
        renewed_at = 4.0
        await asyncio.sleep(renewed_at + 15 - 4.1)
        assert not lease.held.is_set()


async def test_a_lease_taken_before_the_start_dragged_on_is_not_held_for_ever(lease: AgentLease) -> None:
    await lease.acquire()
    await asyncio.sleep(14)  # `run` has not begun yet
    assert not lease.held.is_set()


async def test_a_slow_answer_counts_from_its_request(api: InMemoryApi, lease: AgentLease) -> None:
    await lease.acquire()
    async with in_background(lease.run()):
        api.delay_s = 1.9  # sent at 4, answered at 5.9
        await asyncio.sleep(7.9)
        assert lease.held.is_set()
        api.delay_s = 1000
        await asyncio.sleep(4 + 11 - 7.9 + 0.1)
        assert not lease.held.is_set()


@pytest.mark.parametrize("deleted", [False, True], ids=["changed meanwhile", "made by another meanwhile"])
async def test_a_renewal_that_loses_a_race_does_not_count(api: InMemoryApi, lease: AgentLease, deleted: bool) -> None:
    await lease.acquire()
    if deleted:
        api.remove(AGENT_LEASE)
    api.refuse(409, method="POST" if deleted else "PUT", times=None)
    async with in_background(lease.run()):
        await asyncio.sleep(11.1)
        assert not lease.held.is_set()


async def test_a_released_lease_is_free_and_no_longer_held(api: InMemoryApi, lease: AgentLease) -> None:
    await lease.acquire()
    await lease.release()
    assert spec(api)["holderIdentity"] == ""
    assert not lease.held.is_set()


@pytest.mark.parametrize("holder", ["other", ""])
async def test_the_lease_of_another_is_not_released(api: InMemoryApi, lease: AgentLease, holder: str) -> None:
    api.put(AGENT_LEASE, held_by(holder))
    await lease.release()
    assert api.writes == []


async def test_a_release_that_fails_is_no_error(api: InMemoryApi, lease: AgentLease) -> None:
    await lease.acquire()
    api.refuse(httpx2.ConnectError("refused"), times=None)
    await lease.release()


async def test_a_release_does_not_undo_what_another_did_meanwhile(api: InMemoryApi, lease: AgentLease) -> None:
    await lease.acquire()

    def takes_over(seen: Any) -> None:
        if seen.method == "PUT":
            api.before = None
            api.change(AGENT_LEASE, {"spec": {"holderIdentity": "other"}})

    api.before = takes_over
    await lease.release()
    assert spec(api)["holderIdentity"] == "other"


# -- what nobody foresaw ---------------------------------------------------------------------------------------------


class BrokenClock:
    """A clock that fails for a while."""

    broken = False

    def __call__(self) -> datetime:
        if self.broken:
            raise ArithmeticError("no time")
        return datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_leases_outlive_a_failure_that_nobody_foresaw(api: InMemoryApi) -> None:
    clock = BrokenClock()
    node_lease = NodeLease(api.cluster, "salad", lambda: "node-uid", now=clock)
    lease = AgentLease(api.cluster, "salad", namespace="lab", identity="me", now=clock)
    await lease.acquire()
    async with in_background(node_lease.run()) as first, in_background(lease.run()) as second:
        await asyncio.sleep(20)
        clock.broken = True
        await asyncio.sleep(20)
        assert not lease.held.is_set(), "nothing renewed it"
        clock.broken = False
        renewals = len(api.bodies("PUT", NODE_LEASE))
        await asyncio.sleep(20)
        assert lease.held.is_set()
        assert len(api.bodies("PUT", NODE_LEASE)) > renewals
        assert not first.done()
        assert not second.done()
