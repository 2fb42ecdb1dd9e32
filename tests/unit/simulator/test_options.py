"""The words of the command line, and durations as distributions."""

from __future__ import annotations

import statistics
from random import Random
from typing import Any

import pytest

from scvk.simulator.config import Durations, SimulatorConfig
from scvk.simulator.durations import Between, LongTail, parse_duration
from scvk.simulator.options import checked_names, parse_api_key, parse_durations
from tests.unit.simulator.api_client import KEYS, api
from tests.unit.simulator.world import prototype

ORGANIZATIONS = ("acme-corp", "second-corp")


@pytest.mark.parametrize(
    ("text", "key", "organizations"),
    [
        ("secret", "secret", None),
        ("secret=second-corp", "secret", ("second-corp",)),
        ("secret=acme-corp,second-corp", "secret", ("acme-corp", "second-corp")),
        ("c2VjcmV0Cg==", "c2VjcmV0Cg==", None),
        ("c2VjcmV0Cg===acme-corp", "c2VjcmV0Cg==", ("acme-corp",)),
    ],
)
def test_keys_and_what_they_reach(text: str, key: str, organizations: tuple[str, ...] | None) -> None:
    parsed = parse_api_key(text, ORGANIZATIONS)
    assert (parsed.key, parsed.organizations) == (key, organizations)


@pytest.mark.parametrize("text", ["", "=acme-corp", "key=nowhere", "with space", "ké"])
def test_keys_that_cannot_be(text: str) -> None:
    with pytest.raises(ValueError, match="--api-key"):
        parse_api_key(text, ORGANIZATIONS)


@pytest.mark.parametrize("name", ["x", "Acme", "-a", "a_b", "a" * 64])
def test_names_that_the_document_does_not_allow(name: str) -> None:
    with pytest.raises(ValueError, match="--organization"):
        checked_names("organization", [name])


@pytest.mark.parametrize(
    ("text", "duration"), [("60", 60.0), ("0.5", 0.5), ("30..90", Between(30, 90)), ("60~240", LongTail(60, 240))]
)
def test_durations(text: str, duration: Any) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "-1", "1..", "90..30", "0~5", "long", "1e9"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["allocate", "allocate=x", "dance=1", "stop_grace=1..2"])
def test_steps_that_cannot_be_set(text: str) -> None:
    with pytest.raises(ValueError, match="--duration"):
        parse_durations([text])


def test_steps_that_are_not_named_keep_their_defaults() -> None:
    durations = parse_durations(["allocate=5", "delete=1..2"])
    assert (durations.allocate_s, durations.delete_s) == (5.0, Between(1, 2))
    assert durations.download_s == Durations().download_s


def test_a_long_tail_has_its_median_its_ninth_of_ten_and_an_end() -> None:
    random, duration = Random(1), LongTail(60, 120)
    draws = sorted(duration.draw_s(random) for _ in range(20_000))
    assert 58 <= statistics.median(draws) <= 62
    assert 115 <= draws[18_000] <= 125
    assert draws[-1] < 60 * 20


async def life(seed: int, order: list[str]) -> dict[str, list[str]]:
    """Times of the events of groups that are created in that order, and their instances' ids."""
    async with api(seed=seed, durations=SimulatorConfig(api_keys=KEYS).durations) as client:
        for name in order:
            await client.call("create_container_group", prototype(name))
        client.clock.advance(3600)
        found = {}
        for name in order:
            logs = (await client.call("get_system_logs", container_group_name=name)).body["items"]
            found[name] = [f"{log['event_name']} {log['event_time'][:-5]} {log.get('instance_id')}" for log in logs]
        return found


async def test_a_seed_makes_a_groups_life_repeatable_whatever_others_do() -> None:
    assert await life(7, ["web", "db"]) == await life(7, ["db", "web"])
    assert await life(7, ["web"]) != await life(8, ["web"])
