"""How often to look: a pure function of what looking costs and of what the request budget has left.

every 5 s     always
every 2 s     while something is in transition, and so much of the budget is free that nothing waits for it
slower        in the proportion in which 429s, or an option, have made the budget smaller than planned
slower        where a listing takes long: it may take a tenth of the time, for it costs the API, the network and
              this process as much as it is long
"""

from __future__ import annotations

from dataclasses import dataclass

from scvk.saladcloud.budget import PLANNED_LIMIT

POLL_EVERY_S = 5.0
POLL_IN_TRANSITION_S = 2.0
SLOWEST_POLL_S = 60.0
SPARE_FOR_FAST_POLLING = 60
"""Requests that must be free in the budget before polling speeds up: creating and deleting go first."""
SPARE_FOR_ASKING = 10
"""Requests that must be free before a group in transition is asked for by itself: more than looking leaves of its own
share, so that it takes nothing from those who wait to create."""
TIMES_A_LISTING = 10.0
"""A listing is taken at most so often that it fills a tenth of the time."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the pace follows. `spare` requests are free now, of `limit` a minute; the last listing took `listing_s`."""

    in_transition: bool
    spare: int
    limit: int
    listing_s: float = 0.0


def pace(load: Load) -> float:
    """Return the seconds from the begin of one look to the begin of the next."""
    hurry = load.in_transition and load.spare >= SPARE_FOR_FAST_POLLING
    wanted = POLL_IN_TRANSITION_S if hurry else POLL_EVERY_S
    if load.limit < PLANNED_LIMIT:
        wanted = max(wanted, POLL_EVERY_S * PLANNED_LIMIT / max(load.limit, 1))
    return min(SLOWEST_POLL_S, max(wanted, TIMES_A_LISTING * load.listing_s))
