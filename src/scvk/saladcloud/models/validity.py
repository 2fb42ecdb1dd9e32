"""Says fast that a value is valid: a schema becomes a function, once.

Nearly every request is valid, and that is all that has to be known of it; what is wrong with the others is said by
`violations`, whose library looks at each keyword of the schema anew and takes some thirty times as long. So the
function may err to one side only: INVARIANT: what it calls valid has no violation. It knows the keywords and formats of
SaladCloud's document; a schema with any other is valid for nothing here, and the slow way decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scvk.saladcloud.models.patterns import ANY_ONE_LINE, compiled, is_one_line

Check = Callable[[Any], bool]

_SILENT = frozenset(
    {"description", "title", "example", "examples", "default", "nullable", "readOnly", "writeOnly", "deprecated"}
)
"""Keywords that forbid nothing; `nullable` counts with `type`."""
_BITS = {"int32": 32, "int64": 64}
_TYPES: Mapping[str, Check] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: type(value) is int,  # 1.0 is one too: left to the slow way
    "number": lambda value: type(value) in (int, float),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def fast_check(schema: Mapping[str, Any], conforms: Callable[[object, str], bool]) -> Check:
    """Return a function that says whether a value is surely valid; False means that it may not be.

    `schema` is without references. `conforms` says whether a value has a format, and True for those that it ignores.
    """
    if any(keyword not in _SILENT and keyword not in _COMPILERS for keyword in schema):
        return _never
    checks = [_COMPILERS[keyword](schema, conforms) for keyword in schema if keyword in _COMPILERS]
    match checks:
        case []:
            return lambda _: True
        case [only]:
            return only
        case [first, second]:
            return lambda value: first(value) and second(value)
        case _:

            def every(value: Any) -> bool:
                for check in checks:  # noqa: SIM110 - twice as fast as all()
                    if not check(value):
                        return False
                return True

            return every


def _never(_value: Any) -> bool:
    return False


def _type(schema: Mapping[str, Any], _conforms: Any) -> Check:
    names = [schema["type"]] if isinstance(schema["type"], str) else list(schema["type"])
    if schema.get("nullable") is True:
        names.append("null")
    checks = [_TYPES[name] for name in names]
    if len(checks) == 1:
        return checks[0]
    return lambda value: any(check(value) for check in checks)


def _enum(schema: Mapping[str, Any], _conforms: Any) -> Check:
    members = frozenset(each for each in schema["enum"] if isinstance(each, str))
    with_null = None in schema["enum"]
    return lambda value: value in members if isinstance(value, str) else (value is None and with_null)


def _pattern(schema: Mapping[str, Any], _conforms: Any) -> Check:
    if schema["pattern"] == ANY_ONE_LINE:
        return lambda value: not isinstance(value, str) or is_one_line(value)
    search = compiled(schema["pattern"]).search
    return lambda value: not isinstance(value, str) or search(value) is not None


def _format(schema: Mapping[str, Any], conforms: Callable[[object, str], bool]) -> Check:
    name = schema["format"]
    if name in _BITS:
        bound = 1 << (_BITS[name] - 1)
        return lambda value: not isinstance(value, int) or -bound <= value < bound
    return lambda value: conforms(value, name)


def _minimum(schema: Mapping[str, Any], _conforms: Any) -> Check:
    least = schema["minimum"]
    return lambda value: not isinstance(value, int | float) or value >= least


def _maximum(schema: Mapping[str, Any], _conforms: Any) -> Check:
    most = schema["maximum"]
    return lambda value: not isinstance(value, int | float) or value <= most


def _sized(
    kind: type[str | list[Any] | dict[str, Any]], keyword: str, *, least: bool
) -> Callable[[Mapping[str, Any], Any], Check]:
    def compile_it(schema: Mapping[str, Any], _conforms: Any) -> Check:
        bound = schema[keyword]
        if least:
            return lambda value: not isinstance(value, kind) or len(value) >= bound
        return lambda value: not isinstance(value, kind) or len(value) <= bound

    return compile_it


def _items(schema: Mapping[str, Any], conforms: Callable[[object, str], bool]) -> Check:
    if not isinstance(schema["items"], Mapping):
        return _never
    check = fast_check(schema["items"], conforms)
    return lambda value: not isinstance(value, list) or all(map(check, value))


def _required(schema: Mapping[str, Any], _conforms: Any) -> Check:
    names: Sequence[str] = tuple(schema["required"])
    return lambda value: not isinstance(value, dict) or all(name in value for name in names)


def _properties(schema: Mapping[str, Any], conforms: Callable[[object, str], bool]) -> Check:
    known = {name: fast_check(inner, conforms) for name, inner in schema["properties"].items()}

    def check(value: Any) -> bool:
        if not isinstance(value, dict):
            return True
        for name, inner in value.items():
            of_property = known.get(name)
            if of_property is not None and not of_property(inner):
                return False
        return True

    return check


def _additional(schema: Mapping[str, Any], conforms: Callable[[object, str], bool]) -> Check:
    allowed = schema["additionalProperties"]
    known = frozenset(schema.get("properties", ()))
    if allowed is True:
        return lambda _: True
    if allowed is False:
        return lambda value: not isinstance(value, dict) or value.keys() <= known
    of_others = fast_check(allowed, conforms)
    return lambda value: (
        not isinstance(value, dict) or all(of_others(inner) for name, inner in value.items() if name not in known)
    )


_COMPILERS: Mapping[str, Callable[[Mapping[str, Any], Any], Check]] = {
    "type": _type,
    "enum": _enum,
    "pattern": _pattern,
    "format": _format,
    "minimum": _minimum,
    "maximum": _maximum,
    "minLength": _sized(str, "minLength", least=True),
    "maxLength": _sized(str, "maxLength", least=False),
    "minItems": _sized(list, "minItems", least=True),
    "maxItems": _sized(list, "maxItems", least=False),
    "minProperties": _sized(dict, "minProperties", least=True),
    "maxProperties": _sized(dict, "maxProperties", least=False),
    "items": _items,
    "required": _required,
    "properties": _properties,
    "additionalProperties": _additional,
}
