"""The provider's own metrics, for `/metrics`: the request budget, and how well the cloud is seen. Pure."""

from __future__ import annotations

from scvk.kubelet.exposition import Family, Series
from scvk.provider.adoption import GroupCounts
from scvk.provider.poller_snapshot import PollerSnapshot
from scvk.saladcloud.budget import BudgetSnapshot


def provider_metrics(budget: BudgetSnapshot, seen: PollerSnapshot, groups: GroupCounts | None) -> tuple[Family, ...]:
    """Return what is known; `groups` as last listed, None before that."""
    return (
        Family(
            "scvk_saladcloud_requests_started_total",
            "counter",
            "Requests to SaladCloud that the budget let start, by what for",
            tuple(Series(count, (("class", str(one)),)) for one, count in budget.granted.items()),
        ),
        Family(
            "scvk_saladcloud_requests_waiting",
            "gauge",
            "Requests that wait for room in the budget, by what for",
            tuple(Series(count, (("class", str(one)),)) for one, count in budget.waiting.items()),
        ),
        Family(
            "scvk_saladcloud_requests_last_minute",
            "gauge",
            "Requests of the last minute; the first minute counts a forerunner's",
            (Series(budget.used),),
        ),
        Family(
            "scvk_saladcloud_request_limit",
            "gauge",
            "Requests a minute that the budget allows now",
            (Series(budget.limit),),
        ),
        Family(
            "scvk_saladcloud_throttlings_total",
            "counter",
            "Answers that said: too many requests",
            (Series(budget.throttlings),),
        ),
        Family(
            "scvk_listing_age_seconds",
            "gauge",
            "Age of what is known of the project's container groups",
            (Series(seen.listing_age_s),) if seen.listing_age_s is not None else (),
        ),
        Family(
            "scvk_container_groups",
            "gauge",
            "Container groups of the project by owner: this cluster, somebody else, or not known",
            tuple(
                Series(count, (("owner", owner),))
                for owner, count in (("own", groups.owned), ("foreign", groups.foreign), ("unknown", groups.unknown))
            )
            if groups is not None
            else (),
        ),
    )
