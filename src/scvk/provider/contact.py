"""What the last looks at SaladCloud say of the way to it: a value, moved on by each answer. Pure.

A refusal of the API key or of the project is a person's to mend. It is one *for good* only when it has lasted, and was
said again and again: keys are exchanged, and an edge in front of the platform says 403 too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Self

from scvk.saladcloud.errors import NotFound, RateLimited, SaladCloudError, Unauthorized

FOR_GOOD_AFTER_S = 600.0
FOR_GOOD_AFTER_TIMES = 5


class Refusal(Enum):
    """What the platform refuses us as a whole: the reason of a condition, and what to do."""

    API_KEY = ("ApiKeyRefused", "give the agent a valid API key")
    PROJECT = ("ProjectNotFound", "make the project again, or give the agent another one")

    @property
    def reason(self) -> str:
        """The reason, as conditions have it."""
        return self.value[0]

    @property
    def remedy(self) -> str:
        """What a person has to do."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Contact:
    """`failure`: why the last look failed, in words; None while looks succeed. Times are the caller's monotonic ones.

    `refusal` stays through failures that say nothing of it, such as time-outs, and ends with an answer.
    """

    failure: str | None = None
    reason: str = ""
    refusal: Refusal | None = None
    refused_since: float = 0.0
    times: int = 0

    def failed(self, error: SaladCloudError, *, at: float) -> Self:
        """Return the contact after a look that failed."""
        failure = str(error)
        match error:
            case Unauthorized():
                refusal = Refusal.API_KEY
            case NotFound():
                refusal = Refusal.PROJECT
            case RateLimited():
                return replace(self, failure=failure, reason="TooManyRequests")
            case _:
                return replace(self, failure=failure, reason="NoCertainAnswer")
        if refusal is not self.refusal:
            return type(self)(failure, refusal.reason, refusal, at, 1)
        return replace(self, failure=failure, reason=refusal.reason, times=self.times + 1)

    def refused_for_good(self, now: float) -> Refusal | None:
        """Return what is refused so that no pod can be run any more; None while that is not certain."""
        lasting = now - self.refused_since >= FOR_GOOD_AFTER_S and self.times >= FOR_GOOD_AFTER_TIMES
        return self.refusal if self.refusal is not None and lasting else None


def words_of(error: Exception) -> str:
    """Return what a look failed with, for a log line: of what nobody foresaw, its kind too."""
    return str(error) if isinstance(error, SaladCloudError) else f"{type(error).__name__}: {error}"
