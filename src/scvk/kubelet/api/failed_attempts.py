"""How often somebody may be wrong about who he is: tokens are not tried out here, nor is the API server kept busy.

Each network has an allowance of tokens that the API server does not know, and all together have one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST_NETWORKS = 4096


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many at once, and another one every so many seconds."""

    most: int
    refill_every_s: float


OF_A_NETWORK = Allowance(20, 6.0)
OF_ALL = Allowance(200, 0.5)


class FailedAttempts:
    """Counts them: attempts are taken, and given back where they did not fail."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        *,
        of_a_network: Allowance = OF_A_NETWORK,
        of_all: Allowance = OF_ALL,
    ) -> None:
        self._monotonic = monotonic
        self._of_a_network = of_a_network
        self._of_all = of_all
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Network → what was left, and when. The longest unused are forgotten first."""
        self._left_of_all = (float(of_all.most), monotonic())

    def take(self, network: str) -> bool:
        """Take an attempt; False where none is left."""
        now = self._monotonic()
        own = _refilled(self._left.get(network, (float(self._of_a_network.most), now)), self._of_a_network, now)
        all_ = _refilled(self._left_of_all, self._of_all, now)
        allowed = min(own, all_) >= 1
        self._put(network, own - allowed, now)
        self._left_of_all = (all_ - allowed, now)
        return allowed

    def give_back(self, network: str) -> None:
        """Give back an attempt: it did not fail."""
        left, since = self._left.get(network, (float(self._of_a_network.most), self._monotonic()))
        self._put(network, left + 1, since)
        self._left_of_all = (self._left_of_all[0] + 1, self._left_of_all[1])

    def _put(self, network: str, left: float, since: float) -> None:
        self._left[network] = (min(left, float(self._of_a_network.most)), since)
        self._left.move_to_end(network)
        while len(self._left) > MOST_NETWORKS:
            self._left.popitem(last=False)


def _refilled(left: tuple[float, float], allowance: Allowance, now: float) -> float:
    return min(float(allowance.most), left[0] + (now - left[1]) / allowance.refill_every_s)
