"""Live lines: each follower gets every line of its group once, at the price of one query for all."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from scvk.provider.program_log.live import Follower, LiveLog, log_query
from tests.unit.provider.program_log.log_store import START, LogStore, entry


class Stage:
    """A live log whose looks the test takes itself."""

    def __init__(self) -> None:
        self.store = LogStore()
        self.second = 100.0
        self.live = LiveLog(self.store.read, project="default", now=self.now)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.second)

    def follow(self, group: str = "web") -> Follower:
        until = self.now() - timedelta(seconds=1)
        return self.live.follow(group, (), since=until, until=until)


async def texts(follower: Follower, looks: int) -> list[str]:
    found = []
    for _ in range(looks):
        look = await follower.next()
        assert look is not None
        found += [each.text_log or "" for each in look.entries]
    return found


async def test_all_followers_share_one_query() -> None:
    stage = Stage()
    followers = [stage.follow(group) for group in ("web", "web", "job")]
    stage.second += 3
    stage.store.entries += [entry(101, "hello"), entry(101, "other", group="job"), entry(101, "no", group="no-ones")]
    await stage.live.look()
    assert stage.store.pages == 1
    assert 'container_group_name = "job" or resource.labels.container_group_name = "web"' in stage.store.queries[0]
    assert [await texts(each, 1) for each in followers] == [["hello"], ["hello"], ["other"]]
    for each in followers:
        stage.live.leave(each)


@given(st.lists(st.lists(st.tuples(st.integers(0, 15), st.sampled_from("ab")), max_size=8), min_size=1, max_size=12))
@settings(max_examples=50, deadline=None)
async def test_every_line_comes_once_however_late(rounds: list[list[tuple[int, str]]]) -> None:
    stage = Stage()
    follower = stage.follow()
    expected = []
    for late in rounds:
        stage.second += 2
        for seconds, text in late:
            moment = stage.second - 1 - seconds
            if moment >= 99:  # what was said before it came is the past's
                stage.store.entries.append(entry(moment, text))
                expected.append(text)
        await stage.live.look()
    assert sorted(await texts(follower, len(rounds))) == sorted(expected)
    stage.live.leave(follower)


async def test_a_talkative_program_does_not_cost_further_pages_for_what_was_seen() -> None:
    stage = Stage()
    follower = stage.follow()
    for _ in range(10):
        stage.store.entries += [entry(stage.second + number / 25, "x") for number in range(45)]
        stage.second += 3
        await stage.live.look()
    assert stage.store.pages <= 11
    assert len(await texts(follower, 10)) == 450
    stage.live.leave(follower)


async def test_a_reader_that_is_too_slow_is_told_so_and_costs_no_memory() -> None:
    stage = Stage()
    follower = stage.follow()
    for _ in range(200):
        stage.second += 2
        await stage.live.look()
    looks = 0
    while await follower.next() is not None:
        looks += 1
    assert looks < 64
    stage.live.leave(follower)


def test_too_many_groups_to_name_are_all_asked_for() -> None:
    assert log_query("default", [f"{number:063}" for number in range(300)]).count("container_group_name") == 0
