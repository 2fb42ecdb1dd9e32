"""Which plain YAML scalars are numbers, booleans or nothing: as kubectl has it, whose YAML is of its own kind.

kubectl turns YAML into JSON with sigs.k8s.io/yaml, which reads `yes`, `on` and `y` as booleans and `017` as octal,
as YAML 1.1 did, yet knows no dates and no numbers of base 60. Keys become the text of their value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar, TypeVar

import yaml

_NULLS = "~|null|Null|NULL|"
_TRUE = "y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON"
_FALSE = "n|N|no|No|NO|false|False|FALSE|off|Off|OFF"
_INTEGER = r"[-+]?(?:0|[1-9][0-9_]*|0[0-7_]+|0o[0-7_]+|0b[01_]+|0x[0-9a-fA-F_]+)"
_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
_PREFIX = "tag:yaml.org,2002:"
_NumberT = TypeVar("_NumberT", int, float)


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Composes nodes whose tags say what kubectl takes them for; use it with `yaml.compose_all` only."""

    yaml_implicit_resolvers: ClassVar[dict[str | None, list[tuple[str, re.Pattern[str]]]]] = {}


for _name, _pattern in (
    ("null", _NULLS),
    ("bool", f"{_TRUE}|{_FALSE}"),
    ("int", _INTEGER),
    ("float", _FLOAT),
    ("merge", "<<"),
):
    Loader.add_implicit_resolver(_PREFIX + _name, re.compile(f"(?:{_pattern})\\Z"), None)


def value_of(node: yaml.ScalarNode) -> str | int | float | bool | None:
    """Return what the scalar stands for. Raises ValueError where its tag and its text do not go together."""
    text: str = node.value
    match node.tag.removeprefix(_PREFIX):
        case "null":
            return None
        case "bool":
            if not re.fullmatch(f"{_TRUE}|{_FALSE}", text):
                raise ValueError("this is no boolean")
            return re.fullmatch(_TRUE, text) is not None
        case "int":
            return _number(_integer, text, "whole number")
        case "float":
            return _number(float, text, "number")
        case "binary":
            raise ValueError("the tag !!binary is not known to Kubernetes")
        case _:
            return text


def key_of(node: yaml.Node) -> str:
    """Return a mapping's key as kubectl has it. Raises ValueError for what cannot be one."""
    match value_of(node) if isinstance(node, yaml.ScalarNode) else node:
        case yaml.Node():
            raise ValueError("a key must be a plain text")
        case True:
            return "true"
        case False:
            return "false"
        case None:
            return "null"
        case value:
            return str(value)


def is_merge(node: yaml.Node) -> bool:
    """Say whether a key is `<<`, which merges another mapping into this one."""
    return bool(node.tag == f"{_PREFIX}merge")


def _number(read: Callable[[str], _NumberT], text: str, what: str) -> _NumberT:
    try:
        return read(text)
    except ValueError:
        raise ValueError(f"this is no {what}") from None  # Python's own words quote the text


def _integer(text: str) -> int:
    digits = text.replace("_", "")
    bare = digits.lstrip("+-")
    # Python reads a leading zero as an error, kubectl as octal.
    return int(digits, 8) if re.fullmatch("0[0-7]+", bare) else int(digits, 0)
