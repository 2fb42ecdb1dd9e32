"""Compares a field's value with a query's literal."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from scvk.simulator.logs.entries import SEVERITIES
from scvk.simulator.logs.query.fields import Value
from scvk.simulator.logs.query.tokens import Kind, QueryError, Token

Test = Callable[[Value], bool]

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda value, part: part in value,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
_TIMES = ("time", "receive_time")


def build_test(field: Token, operation: Token, literal: Token) -> Test:
    """A test on the field's value. A value that is missing, or of another type, passes only a `!` operator.

    Raises QueryError for operators that the field does not take and for literals it cannot be compared with.
    """
    text = operation.text
    negated, any_case = text.startswith("!"), text.endswith("~")
    base = text.removeprefix("!").removesuffix("~")
    if field.text == "log" and base != "contains":
        raise QueryError("log takes only contains", operation.position)
    if base in _TEXT:
        test = _text_test(_TEXT[base], literal.text, any_case=any_case)
    elif field.text in _TIMES:
        test = _order_test(_ORDER[base], _moment(literal))
    elif field.text == "severity" and base != "=":
        test = _severity_test(_ORDER[base], literal)
    else:
        test = _value_test(_ORDER[base], literal, any_case=any_case)
    return (lambda value: not test(value)) if negated else test


def _text_test(compare: Callable[[str, str], bool], part: str, *, any_case: bool) -> Test:
    if any_case:
        part = part.casefold()

    def test(value: Value) -> bool:
        if value is None:
            return False
        text = value if isinstance(value, str) else _as_text(value)
        return compare(text.casefold() if any_case else text, part)

    return test


def _order_test(compare: Callable[[Any, Any], bool], wanted: datetime) -> Test:
    return lambda value: isinstance(value, datetime) and compare(value, wanted)


def _severity_test(compare: Callable[[Any, Any], bool], literal: Token) -> Test:
    wanted = literal.text.lower()
    if wanted not in SEVERITIES:
        raise QueryError(f"unknown severity {literal.text!r}", literal.position)
    rank = SEVERITIES.index(wanted)
    return lambda value: isinstance(value, str) and compare(SEVERITIES.index(value), rank)


def _value_test(compare: Callable[[Any, Any], bool], literal: Token, *, any_case: bool) -> Test:
    text = literal.text.casefold() if any_case else literal.text
    number = _number(literal)

    def test(value: Value) -> bool:
        if isinstance(value, bool):
            return compare(_as_text(value), literal.text.lower())
        if isinstance(value, int | float):
            return number is not None and compare(value, number)
        if isinstance(value, str):
            return compare(value.casefold() if any_case else value, text)
        return False

    return test


def _number(literal: Token) -> float | int | None:
    if literal.kind is not Kind.WORD:
        return None
    try:
        return int(literal.text)
    except ValueError:
        pass  # not a whole number
    try:
        return float(literal.text)
    except ValueError:
        return None


def _moment(literal: Token) -> datetime:
    try:
        moment = datetime.fromisoformat(literal.text.upper())
    except ValueError:
        raise QueryError(f"not a time (YYYY-MM-DDTHH:MM:SSZ): {literal.text!r}", literal.position) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _as_text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else str(value)
