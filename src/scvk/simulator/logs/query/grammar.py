"""The grammar, top down: `or` binds weaker than `and`, `not` strongest.

query  = [ either ]
either = both { "or" both }
both   = single { "and" single }
single = "not" single | "(" either ")" | field operator value
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from scvk.simulator.logs.entries import LogEntry
from scvk.simulator.logs.query.fields import field_getter
from scvk.simulator.logs.query.matching import build_test
from scvk.simulator.logs.query.tokens import Kind, QueryError, Token, tokenize

Predicate = Callable[[LogEntry], bool]

# A query may be 20,000 characters long; nesting needs our stack, so it has a bound of its own.
DEEPEST_NESTING = 100


@lru_cache(maxsize=256)  # clients ask the same again and again
def compile_query(query: str) -> Predicate:
    """The predicate for `query`; an empty one accepts everything. Raises QueryError with the position."""
    tokens = list(tokenize(query))
    if tokens[0].kind is Kind.END:
        return lambda _entry: True
    return _Parser(tokens).parse()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    def parse(self) -> Predicate:
        predicate = self._either()
        token = self._peek()
        if token.kind is not Kind.END:
            raise QueryError(f"expected 'and', 'or' or the end, found {token.text!r}", token.position)
        return predicate

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        if token.kind is not Kind.END:
            self._next += 1
        return token

    def _take_keyword(self, keyword: str) -> bool:
        token = self._peek()
        if token.kind is Kind.WORD and token.text.lower() == keyword:
            self._next += 1
            return True
        return False

    def _either(self) -> Predicate:
        parts = [self._both()]
        while self._take_keyword("or"):
            parts.append(self._both())
        if len(parts) == 1:
            return parts[0]
        return lambda entry: any(part(entry) for part in parts)

    def _both(self) -> Predicate:
        parts = [self._single()]
        while self._take_keyword("and"):
            parts.append(self._single())
        if len(parts) == 1:
            return parts[0]
        return lambda entry: all(part(entry) for part in parts)

    def _single(self) -> Predicate:
        self._depth += 1
        if self._depth > DEEPEST_NESTING:
            raise QueryError(f"nested deeper than {DEEPEST_NESTING}", self._peek().position)
        try:
            if self._take_keyword("not"):
                inner = self._single()
                return lambda entry: not inner(entry)
            if self._peek().kind is Kind.OPEN:
                opening = self._take()
                inner = self._either()
                if self._take().kind is not Kind.CLOSE:
                    raise QueryError("a parenthesis that does not close, opened", opening.position)
                return inner
            return self._clause()
        finally:
            self._depth -= 1

    def _clause(self) -> Predicate:
        field = self._expect("a field", Kind.WORD)
        getter = field_getter(field)
        operation = self._expect("an operator", Kind.OPERATOR)
        literal = self._expect("a value", Kind.STRING, Kind.WORD)
        test = build_test(field, operation, literal)
        return lambda entry: test(getter(entry))

    def _expect(self, what: str, *kinds: Kind) -> Token:
        token = self._take()
        if token.kind not in kinds:
            found = "the end" if token.kind is Kind.END else repr(token.text)
            raise QueryError(f"expected {what}, found {found}", token.position)
        return token
