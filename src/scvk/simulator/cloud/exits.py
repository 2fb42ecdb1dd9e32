"""What follows the end of a program: the restart policy and the back-off between restarts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from scvk.simulator.config import Durations


class Verdict(Enum):
    """What becomes of an instance whose program ended."""

    RESTART = auto()
    SUCCEEDED = auto()
    FAILED = auto()


_POLICIES = {
    # policy: (after status 0, after any other status)
    "always": (Verdict.RESTART, Verdict.RESTART),
    "on_failure": (Verdict.SUCCEEDED, Verdict.RESTART),
    "never": (Verdict.SUCCEEDED, Verdict.FAILED),
}


def after_exit(restart_policy: str, status: int) -> Verdict:
    """The verdict for an exit status. Raises KeyError for an unknown policy."""
    succeeded, failed = _POLICIES[restart_policy]
    return succeeded if status == 0 else failed


@dataclass(slots=True)
class Backoff:
    """The wait before the next restart on the same machine: doubles up to a cap; a long run resets it."""

    durations: Durations
    exits: int = 0

    def next_delay_s(self, ran_for_s: float) -> float:
        """Count one more exit, after a run of `ran_for_s`; return the wait in simulated seconds."""
        if ran_for_s >= self.durations.backoff_reset_s:
            self.exits = 0
        # Exponents beyond what the cap can need would only overflow.
        delay_s = self.durations.first_backoff_s * 2.0 ** min(self.exits, 30)
        self.exits += 1
        return min(delay_s, self.durations.longest_backoff_s)
