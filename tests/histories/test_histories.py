"""Random histories of an hour each: whatever happens, nothing is lost, nothing is leaked, and all comes to rest."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.histories.broken_variants import VARIANTS, Variant
from tests.histories.history import live
from tests.histories.invariants import BrokenInvariant

pytestmark = pytest.mark.looptime


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Log lines by the hundred thousand are of no use: a history tells its own steps."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.mark.parametrize("seed", range(8))
async def test_a_history_comes_to_rest_with_nothing_lost_and_nothing_left(seed: int) -> None:
    await live(seed)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(8, 60))
async def test_many_histories_come_to_rest_with_nothing_lost_and_nothing_left(seed: int) -> None:
    await live(seed)


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param(variant, id=variant.what, marks=[pytest.mark.full] if variant.rarely else [])
        for variant in VARIANTS
    ],
)
async def test_histories_notice_an_agent_that(variant: Variant, monkeypatch: pytest.MonkeyPatch) -> None:
    variant.breaks(monkeypatch)
    for seed in variant.seeds:
        try:
            await live(seed)
        except BrokenInvariant:
            return
    pytest.fail(f"no history noticed an agent that {variant.what}")
