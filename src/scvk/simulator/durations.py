"""How long things take: a fixed time, or a distribution that chance draws from.

As text (the command line): `60` is a fixed time that jitter varies, `30..90` any time in that range, and `60~240`
a long tail: half of the draws are below the first number, nine of ten below the second.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from random import Random

# Of a standard normal distribution: nine of ten draws are below.
_NINETIETH_PERCENTILE = 1.2815515655446004
# No draw is further out than one in some ten thousand, so that nothing takes for ever.
_FURTHEST = 3.8
_NUMBER = r"(\d{1,7}(?:\.\d{1,6})?)"
_TEXT = re.compile(rf"{_NUMBER}(?:(\.\.|~){_NUMBER})?")


@dataclass(frozen=True, slots=True)
class Between:
    """Any time from `least_s` to `most_s`, all alike."""

    least_s: float
    most_s: float

    def draw_s(self, random: Random) -> float:
        """Seconds."""
        return random.uniform(self.least_s, self.most_s)


@dataclass(frozen=True, slots=True)
class LongTail:
    """Log-normal, as waiting for machines and downloads over the internet are: mostly short, at times very long."""

    median_s: float
    ninth_of_ten_s: float

    def draw_s(self, random: Random) -> float:
        """Seconds, above 0."""
        sigma = math.log(self.ninth_of_ten_s / self.median_s) / _NINETIETH_PERCENTILE
        return self.median_s * math.exp(sigma * max(-_FURTHEST, min(_FURTHEST, random.gauss(0, 1))))


Duration = float | Between | LongTail


def parse_duration(text: str) -> Duration:
    """The duration that `text` says. Raises ValueError."""
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text[:60]!r} is no duration: seconds as 60, 30..90 or 60~240")
    first, sign = float(found[1]), found[2]
    if sign is None:
        return first
    second = float(found[3])
    if second < first or (sign == "~" and first <= 0):
        raise ValueError(f"{text[:60]!r} is no duration: the second number must not be below the first, nor that 0")
    return Between(first, second) if sign == ".." else LongTail(first, second)
