"""What ails the way to SaladCloud, by what the poller last saw."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scvk.provider.health import ailment
from scvk.provider.metrics import provider_metrics
from scvk.provider.poller_snapshot import PollerSnapshot
from scvk.saladcloud.budget import RequestBudget

SEEN = PollerSnapshot(3, 4.0, 0.1, 1000, 5.0, False, 0, None, None, False)


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        pytest.param(SEEN, None, id="seen lately"),
        pytest.param(replace(SEEN, listing_age_s=59.0, listing_failure="no answer"), None, id="fails since a moment"),
        pytest.param(
            replace(SEEN, listing_age_s=61.0, listing_failure="the API key is refused"),
            "last 61 s ago: the API key is refused",
            id="fails for long",
        ),
        pytest.param(replace(SEEN, listing_age_s=61.0), "last 61 s ago", id="an answer hangs"),
        pytest.param(replace(SEEN, listing_age_s=150.0, pace_s=60.0), None, id="a slow pace"),
        pytest.param(replace(SEEN, listing_age_s=None), "not yet told", id="never seen"),
    ],
)
def test_what_is_known_of_the_project_may_be_a_minute_old(seen: PollerSnapshot, words: str | None) -> None:
    found = ailment(seen)
    assert (found is None) if words is None else (found is not None and words in found)


def test_metrics_leave_out_what_is_not_known_yet() -> None:
    budget = RequestBudget(lambda: 0.0).snapshot()
    families = provider_metrics(budget, replace(SEEN, listing_age_s=None), None)
    named = {family.name: family.series for family in families}
    assert named["scvk_listing_age_seconds"] == ()
    assert named["scvk_container_groups"] == ()
    assert len(named["scvk_saladcloud_requests_started_total"]) == 5
