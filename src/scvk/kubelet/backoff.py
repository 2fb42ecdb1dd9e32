"""How long to wait after failures in a row: exponential, capped, with jitter. A pure function of its arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays in seconds: `first`, then `factor` times the last one, never above `cap`.

    The delay is capped, not the number of tries: a key that is given up is a pod that is forgotten.
    """

    first: float = 0.5
    factor: float = 2.0
    cap: float = 30.0
    jitter: float = 0.2
    """Share of the delay that is random, so that many keys that failed together do not come back together."""

    def delay(self, failures: int, random: Callable[[], float]) -> float:
        """Return the wait in seconds after the `failures`-th failure in a row (1 is the first).

        `random` returns a number in [0, 1).
        """
        exponent = min(failures - 1, 60)
        plain = min(self.cap, self.first * self.factor**exponent)
        return plain * (1 - self.jitter / 2 + self.jitter * random())
