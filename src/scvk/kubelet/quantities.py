"""Kubernetes quantities (`1500m`, `2Gi`, `1e3`), read exactly.

The grammar and the two roundings are those of `resource.Quantity`
(k8s.io/apimachinery/pkg/api/resource/quantity.go, read at v0.37.2):

- `<sign>? <digits>[.<digits>] <suffix>?`, where the suffix is one of `n u m k M G T P E` (powers of ten),
  `Ki Mi Gi Ti Pi Ei` (powers of two), or an exponent such as `e3`, `E-6`;
- anything finer than a billionth is rounded *up*, away from zero: who asks for something gets something;
- a quantity with a binary suffix is capped at 2^63 - 1.

Kubernetes also reads a text without digits (`+`, `k`) as zero, by accident of its scanner; here that is an error.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import lru_cache

_GRAMMAR = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]*)(?:\.(?P<part>[0-9]*))?(?P<suffix>[numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?"
)

_DECIMAL_EXPONENTS = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY_EXPONENTS = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}

_NANO = Fraction(1, 10**9)
_BINARY_CAP = Fraction(2**63 - 1)

# Bounds of what is computed at all: a hundred powers of ten are beyond any machine, and a quantity written by a
# tenant must not make this process build numbers of a billion digits.
_MAX_LENGTH = 256
_MAX_EXPONENT = 100


class InvalidQuantityError(ValueError):
    """The text is no quantity by Kubernetes' grammar. `text` is what was read, cut to 64 characters."""

    def __init__(self, text: str, why: str) -> None:
        self.text = text[:64]
        super().__init__(f"{self.text!r} is not a quantity: {why}")


class QuantityOutOfRangeError(InvalidQuantityError):
    """The text is a quantity, of a size that nothing here could ever mean (beyond 10^100, or 256 characters)."""


@lru_cache(maxsize=1024, typed=True)  # pods of a cluster ask for the same amounts again and again
def parse_quantity(written: str | float) -> Fraction:
    """Return the exact value of a quantity, in the unit of its resource (cores, bytes, pieces).

    Numbers are taken as YAML and JSON allow them unquoted (`cpu: 2`, `cpu: 0.5`).
    Raises InvalidQuantityError, or its subclass QuantityOutOfRangeError.
    """
    text = written if isinstance(written, str) else repr(written)
    if len(text) > _MAX_LENGTH:
        raise QuantityOutOfRangeError(text, f"longer than {_MAX_LENGTH} characters")
    match = _GRAMMAR.fullmatch(text)
    if match is None:
        raise InvalidQuantityError(text, "expected a number and an optional suffix such as m, k, Mi or e3")
    whole, part, suffix = match["whole"], match["part"] or "", match["suffix"] or ""
    if not whole and not part:
        raise InvalidQuantityError(text, "it has no digits")
    number = Fraction(int(whole + part), 10 ** len(part))
    if suffix in _BINARY_EXPONENTS:
        magnitude = min(number * 2 ** _BINARY_EXPONENTS[suffix], _BINARY_CAP)
    else:
        exponent = _DECIMAL_EXPONENTS[suffix] if suffix in _DECIMAL_EXPONENTS else int(suffix[1:] or "0")
        magnitude = _scaled(number, exponent, text)
    rounded = Fraction(math.ceil(magnitude / _NANO), 10**9)
    return -rounded if match["sign"] == "-" else rounded


def ceil_in(value: Fraction, unit: int) -> int:
    """Return how many whole `unit`s hold `value`: 1.5 in units of 1 is 2. Never less than asked for."""
    return math.ceil(value / unit)


def _scaled(number: Fraction, exponent: int, text: str) -> Fraction:
    if number == 0:
        return number
    if exponent > _MAX_EXPONENT:
        raise QuantityOutOfRangeError(text, f"beyond 10^{_MAX_EXPONENT}")
    if exponent < -_MAX_LENGTH - _MAX_EXPONENT:
        return _NANO  # finer than any digits that fit the allowed length can bring above a billionth
    factor = Fraction(10**exponent) if exponent >= 0 else Fraction(1, 10**-exponent)
    return number * factor
