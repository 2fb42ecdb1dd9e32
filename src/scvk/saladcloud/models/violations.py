"""What is wrong with a JSON value, in words that never repeat the value.

A value may be a password, a token or a Kubernetes secret, and violations end in events, logs and terminals:
they say where (the path) and which rule, such as "container.environment_variables.FOO: longer than 1000
characters".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.validators import extend

from scvk.saladcloud.models.patterns import ANY_ONE_LINE, compiled
from scvk.saladcloud.models.validity import fast_check

MAX_LISTED_MEMBERS = 8
"""Enumerations with more members (country codes) are counted, not listed."""
MAX_TOLD = 200
"""Checking ends after that many violations: a body of some megabytes can have a million, which nobody reads."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: `path` as `container.command[3]` ("" for the whole body), `message` without values."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path or 'the body'}: {self.message}"


def violations_of(schema: Mapping[str, Any], value: Any) -> list[Violation]:
    """Return the rules of `schema` (without references) that `value` breaks, in the order of their paths.

    All of them, unless there are more than `MAX_TOLD`; the items of a list that is too long are not looked at.
    """
    validator = _Validator(schema, format_checker=_FORMATS)
    errors = islice(validator.iter_errors(value), MAX_TOLD)
    found = {Violation(_path(error.absolute_path), _message(error)) for error in errors}
    return sorted(found, key=lambda violation: (violation.path, violation.message))


def fast_check_of(schema: Mapping[str, Any]) -> Callable[[Any], bool]:
    """Return a function, to be kept, that says in microseconds whether a value surely breaks no rule of `schema`."""
    return fast_check(schema, _FORMATS.conforms)


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not compiled(pattern).search(value):
        yield ValidationError("pattern")


def _type(validator: Any, types: Any, value: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    # The document mixes `type: [.., 'null']` with the `nullable` of OpenAPI 3.0, and means the same by both.
    if value is None and schema.get("nullable") is True:
        return
    if not any(validator.is_type(value, name) for name in ([types] if isinstance(types, str) else types)):
        yield ValidationError("type")


def _required(_validator: Any, names: Iterable[str], value: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, dict):
        for name in names:
            if name not in value:
                yield ValidationError("required", path=(name,))


def _additional_properties(
    validator: Any, allowed: Any, value: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if not isinstance(value, dict):
        return
    for name in value.keys() - schema.get("properties", {}).keys():
        if allowed is False:
            yield ValidationError("additionalProperties", path=(name,))
        elif isinstance(allowed, Mapping):
            yield from validator.descend(value[name], allowed, path=name)


def _items(validator: Any, schema: Any, value: Any, parent: Mapping[str, Any]) -> Iterator[ValidationError]:
    if isinstance(value, list) and len(value) <= parent.get("maxItems", len(value)):
        for index, item in enumerate(value):
            yield from validator.descend(item, schema, path=index)


_Validator = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "type": _type,
        "pattern": _pattern,
        "required": _required,
        "items": _items,
        "additionalProperties": _additional_properties,
    },
)
# Named one by one, so that a missing checker is an error and not a rule that silently holds for everything.
_FORMATS = FormatChecker(formats=("date-time", "ipv4", "uuid"))


@_FORMATS.checks("int32")
def _is_int32(value: object) -> bool:
    return not isinstance(value, int) or -(2**31) <= value < 2**31


@_FORMATS.checks("int64")
def _is_int64(value: object) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63


def _path(steps: Iterable[str | int]) -> str:
    path = ""
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += f".{step}" if path else step
    return path


def _message(error: ValidationError) -> str:
    rule: Any = error.validator_value
    match error.validator:
        case "required":
            return "required, but missing"
        case "additionalProperties":
            return "no such field"
        case "type":
            return "must be " + " or ".join([rule] if isinstance(rule, str) else rule)
        case "enum":
            return "must be one of " + (
                ", ".join(map(str, rule)) if len(rule) <= MAX_LISTED_MEMBERS else f"{len(rule)} known values"
            )
        case "maxLength":
            return f"longer than {_counted(rule, 'character')}"
        case "minLength":
            return f"shorter than {_counted(rule, 'character')}"
        case "maxItems":
            return f"more than {_counted(rule, 'item')}"
        case "minItems":
            return f"fewer than {_counted(rule, 'item')}"
        case "maxProperties":
            return f"more than {_counted(rule, 'entry', 'entries')}"
        case "maximum":
            return f"greater than {rule}"
        case "minimum":
            return f"less than {rule}"
        case "pattern" if rule == ANY_ONE_LINE:
            return "contains a line break"
        case "pattern":
            return f"does not match {rule}"
        case "format":
            return f"is no {rule}"
        case other:
            return f"breaks the rule {other!r}"


def _counted(count: int, singular: str, plural: str | None = None) -> str:
    return f"{count} {singular if count == 1 else plural or singular + 's'}"
