"""What ails the way to SaladCloud, as the kubelet's health tells it: pure."""

from __future__ import annotations

from scvk.provider.poller_snapshot import PollerSnapshot

MAY_BE_OLD_S = 60.0
"""What is known of the project may be so old, or as old as a few looks of a slow pace."""
LOOKS = 4


def ailment(seen: PollerSnapshot) -> str | None:
    """Return why the project's groups are not known as they are now; None while they are."""
    why = f": {seen.listing_failure}" if seen.listing_failure else ""
    if seen.listing_age_s is None:
        return f"SaladCloud has not yet told of the project's container groups{why}"
    if seen.listing_age_s > max(MAY_BE_OLD_S, LOOKS * seen.pace_s):
        return f"SaladCloud told of the project's container groups last {seen.listing_age_s:.0f} s ago{why}"
    return None
