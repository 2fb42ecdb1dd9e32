"""How well the cloud is seen, as of now: for metrics, and for who looks for what is wrong."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PollerSnapshot:
    """Times in seconds. `listing_age_s` None: there was no listing yet.

    `may_be_cut`: the listing has as many groups as one answer holds, so that it says nothing of those that it lacks;
    `asked_by_name` of them are asked for in turn. `listing_failure` and `events_failure` say in words why the last look
    failed, None where it did not. `system_logs_instead`: log entries fail for so long that the system logs of groups
    in transition are read instead. `pace_s` is how often is looked now.
    """

    groups: int
    listing_age_s: float | None
    listing_s: float
    listing_bytes: int
    pace_s: float
    may_be_cut: bool
    asked_by_name: int
    listing_failure: str | None
    events_failure: str | None
    system_logs_instead: bool
