"""How often is looked, from what it costs and what is left."""

from __future__ import annotations

import pytest

from scvk.provider.pace import SLOWEST_POLL_S, SPARE_FOR_FAST_POLLING, Load, pace

FULL = 225


@pytest.mark.parametrize(
    ("load", "seconds"),
    [
        pytest.param(Load(False, 200, FULL), 5.0, id="at-rest"),
        pytest.param(Load(True, 200, FULL), 2.0, id="in-transition"),
        pytest.param(Load(True, SPARE_FOR_FAST_POLLING - 1, FULL), 5.0, id="in-transition-and-others-need-the-budget"),
        pytest.param(Load(False, 100, 112), 5 * FULL / 112, id="half-the-budget-after-a-429"),
        pytest.param(Load(True, 100, 112), 5 * FULL / 112, id="in-transition-after-a-429"),
        pytest.param(Load(True, 30, 30), 37.5, id="after-many-429s"),
        pytest.param(Load(False, 200, FULL, listing_s=0.4), 5.0, id="a-quick-listing"),
        pytest.param(Load(True, 200, FULL, listing_s=0.4), 4.0, id="hurried-as-far-as-the-listing-allows"),
        pytest.param(Load(False, 200, FULL, listing_s=2.0), 20.0, id="a-slow-listing"),
        pytest.param(Load(False, 200, FULL, listing_s=30.0), SLOWEST_POLL_S, id="never-blind-for-more-than-a-minute"),
    ],
)
def test_pace(load: Load, seconds: float) -> None:
    assert pace(load) == pytest.approx(seconds)
