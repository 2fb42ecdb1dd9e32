"""Cuts a query into tokens, each with the position where it begins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto


class QueryError(Exception):
    """A query that cannot be understood. `position` counts characters from 0; the message names it too."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} at position {position}")
        self.position = position


class Kind(Enum):
    """What a token is."""

    OPEN = auto()
    CLOSE = auto()
    OPERATOR = auto()
    STRING = auto()
    WORD = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is the value: a string's escapes are already resolved."""

    kind: Kind
    text: str
    position: int


_PATTERN = re.compile(
    r"""(?P<space>\s+)
      | (?P<open>\()
      | (?P<close>\))
      | (?P<operator>!?(?:contains|startswith|endswith)\b~? | !=~? | !?[<>]=?~? | !?=~?)
      | (?P<string>"(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*')
      | (?P<word>[^\s()"'=<>!~]+)
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def tokenize(query: str) -> Iterator[Token]:
    """All tokens, then one of kind END. Raises QueryError."""
    position = 0
    while position < len(query):
        match = _PATTERN.match(query, position)
        if match is None:
            if query[position] in "\"'":
                raise QueryError("a string that does not end", position)
            raise QueryError(f"unexpected {query[position]!r}", position)
        text = match.group()
        match match.lastgroup:
            case "open":
                yield Token(Kind.OPEN, text, position)
            case "close":
                yield Token(Kind.CLOSE, text, position)
            case "operator":
                yield Token(Kind.OPERATOR, text.lower(), position)
            case "string":
                yield Token(Kind.STRING, _unescape(text[1:-1]), position)
            case "word":
                yield Token(Kind.WORD, text, position)
            case _:
                pass  # white space
        position = match.end()
    yield Token(Kind.END, "", len(query))


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text, flags=re.DOTALL)
