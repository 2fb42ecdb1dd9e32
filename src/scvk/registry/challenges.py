"""The header `WWW-Authenticate` of a registry, as far as registries use it. Pure.

Sources: RFC 9110, section 11.6.1; "Token Authentication Specification" of the CNCF's distribution project.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# A hostile header must not make the pattern below work for long.
_MAX_HEADER = 4096
_PARAMETER = r'[A-Za-z_-]+ ?= ?(?:"(?:[^"\\]|\\.)*"|[^\s",]+)'
_CHALLENGE = re.compile(
    rf"(?:^|[\s,])(basic|bearer)(?: +({_PARAMETER}(?: ?, ?{_PARAMETER})*))?(?=[\s,]|$)", re.IGNORECASE
)
_ONE_PARAMETER = re.compile(r'([A-Za-z_-]+) ?= ?(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))')


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to log in: `scheme` is `basic` or `bearer`, names of `parameters` are in small letters."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def challenges(headers: Iterable[str]) -> list[Challenge]:
    """Those that a client of registries can answer, in order; others and broken ones are left out."""
    found: list[Challenge] = []
    for header in headers:
        for match in _CHALLENGE.finditer(header[:_MAX_HEADER]):
            parameters = {
                name.lower(): re.sub(r"\\(.)", r"\1", quoted_value) or bare
                for name, quoted_value, bare in _ONE_PARAMETER.findall(match[2] or "")
            }
            found.append(Challenge(match[1].lower(), parameters))
    return found
