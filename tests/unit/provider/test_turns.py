"""Turns: nobody waits in the budget; who finds no room is called when there is some, first come, first served."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from scvk.kubelet.provider import PodIdentity, PodKey
from scvk.provider.turns import INVITATION_LASTS_S, Turns
from scvk.saladcloud.budget import RequestBudget, RequestClass

START = 1000.0


def a_pod(name: str, uid: str = "1") -> PodIdentity:
    return PodIdentity(PodKey("shop", name), uid)


@dataclass
class Road:
    """Turns to create, of a budget whose first minute is over; `invited` has who was called, by name."""

    now: float = START
    invited: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.budget = RequestBudget(lambda: self.now)
        self.now += 60
        self.turns = Turns(
            self.budget, RequestClass.CREATE, lambda key: self.invited.append(key.name), monotonic=lambda: self.now
        )

    async def ask(self, name: str) -> bool:
        with self.turns.turn(a_pod(name)) as now:
            if now:
                await self.budget.acquire(RequestClass.CREATE)
            return now

    async def fill(self) -> None:
        while self.budget.available(RequestClass.CREATE):
            await self.budget.acquire(RequestClass.CREATE)


async def test_whoever_finds_room_goes_at_once() -> None:
    road = Road()
    assert await road.ask("a")
    assert len(road.turns) == 0


async def test_whoever_finds_none_is_called_when_there_is_some_in_the_order_of_asking() -> None:
    road = Road()
    await road.fill()
    assert [await road.ask(name) for name in "abca"] == [False] * 4
    road.turns.invite_next()
    assert road.invited == []
    road.now += 60
    road.turns.invite_next()
    assert road.invited == ["a", "b", "c"]
    assert [await road.ask(name) for name in "abc"] == [True] * 3
    assert len(road.turns) == 0


async def test_no_more_are_called_than_there_is_room_for() -> None:
    road = Road()
    room = road.budget.available(RequestClass.CREATE)
    await road.fill()
    for number in range(room + 5):
        await road.ask(str(number))
    road.now += 60
    for _ in range(2):
        road.turns.invite_next()
    assert len(road.invited) == room


async def test_a_newcomer_does_not_pass_those_who_wait() -> None:
    road = Road()
    room = road.budget.available(RequestClass.CREATE)
    await road.fill()
    for number in range(room):
        await road.ask(str(number))
    road.now += 60
    assert not await road.ask("late")
    road.turns.invite_next()
    assert "late" not in road.invited


async def test_whoever_was_called_and_finds_the_room_taken_is_called_first_next_time() -> None:
    road = Road()
    await road.fill()
    for name in "ab":
        await road.ask(name)
    road.now += 60
    road.turns.invite_next()
    await road.fill()
    assert not await road.ask("b")
    assert not await road.ask("c")
    road.invited.clear()
    road.now += 60
    road.turns.invite_next()
    assert road.invited[0] == "b"


async def test_room_is_not_kept_for_ever_for_a_pod_that_never_comes() -> None:
    road = Road()
    room = road.budget.available(RequestClass.CREATE)
    await road.fill()
    for number in range(room):
        await road.ask(str(number))
    road.now += 60
    road.turns.invite_next()
    road.now += INVITATION_LASTS_S
    road.turns.invite_next()
    assert await road.ask("other")


async def test_whoever_is_forgotten_is_not_called() -> None:
    road = Road()
    await road.fill()
    await road.ask("a")
    road.turns.forget(a_pod("a"))
    road.now += 60
    road.turns.invite_next()
    assert road.invited == []


async def test_a_turn_that_failed_is_over() -> None:
    road = Road()
    room = road.budget.available(RequestClass.CREATE)
    for _ in range(room + 1):
        with suppress(TimeoutError), road.turns.turn(a_pod("a")):
            raise TimeoutError
    assert await road.ask("b")
    assert len(road.turns) == 0


async def test_room_is_left_for_those_who_come_first() -> None:
    road = Road()
    deletions = Turns(road.budget, RequestClass.DELETE, lambda _: None, monotonic=lambda: road.now)
    creations = Turns(road.budget, RequestClass.CREATE, lambda _: None, monotonic=lambda: road.now, first=deletions)
    while road.budget.available(RequestClass.DELETE):
        await road.budget.acquire(RequestClass.DELETE)
    own_share = road.budget.available(RequestClass.CREATE)
    for number in range(own_share):
        with deletions.turn(a_pod(f"old-{number}")) as now:
            assert not now
    with creations.turn(a_pod("new")) as now:
        assert not now


async def test_a_pod_that_is_forgotten_takes_no_place_from_its_successor() -> None:
    road = Road()
    await road.fill()
    for uid in "12":
        with road.turns.turn(a_pod("db-0", uid)) as now:
            assert not now
    road.turns.forget(a_pod("db-0", "1"))
    assert road.turns.waits(a_pod("db-0", "2"))
    road.now += 60
    road.turns.invite_next()
    assert road.invited == ["db-0"]
