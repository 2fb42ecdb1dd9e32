"""Random histories of an hour each: whatever happens, nothing is lost, nothing is leaked, and all comes to rest."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.histories.broken_variants import VARIANTS, Variant
from tests.histories.replay import command, play

SEEDS = range(150)
MORE_SEEDS = range(1000, 1200)


def _well(seed: int) -> None:
    outcome = play(seed)
    if outcome.failure is not None:
        pytest.fail(f"{outcome.failure}\nagain: {command(seed)}", pytrace=False)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_history_comes_to_rest_with_nothing_lost_and_nothing_left(seed: int) -> None:
    _well(seed)


@pytest.mark.full
@pytest.mark.parametrize("seed", MORE_SEEDS)
def test_many_histories_come_to_rest_with_nothing_lost_and_nothing_left(seed: int) -> None:
    _well(seed)


def test_a_seed_gives_the_same_history_in_every_process() -> None:
    told = [
        subprocess.run(
            [sys.executable, "-m", "tests.histories.replay", "3"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert "traffic" in told[0]  # a digest of all that went over the wires
    assert told[0] == told[1]


@pytest.mark.parametrize("variant", [pytest.param(variant, id=variant.what) for variant in VARIANTS])
def test_histories_notice_an_agent_that(variant: Variant) -> None:
    assert variant.noticed_in(variant.seeds) is not None
