"""The fast check calls nothing valid that has a violation, and takes what is valid."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.saladcloud.models.document import document
from scvk.saladcloud.models.validity import fast_check
from scvk.saladcloud.models.violations import fast_check_of, violations_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def valid_group() -> dict[str, Any]:
    return {
        "name": "web-1",
        "container": {
            "image": "nginx",
            "command": ["sh", "-c", "sleep 1"],
            "environment_variables": {"A": "1"},
            "resources": {"cpu": 1, "memory": 1024, "gpu_classes": ["ed563892-aacd-40f5-80b7-90c9be6c759b"]},
        },
        "country_codes": ["us"],
        "autostart_policy": True,
        "replicas": 1,
        "restart_policy": "always",
    }


def test_a_valid_request_is_surely_valid() -> None:
    schema = document().schema("ContainerGroupPrototype")
    assert violations_of(schema, valid_group()) == []
    assert fast_check_of(schema)(valid_group())


def places(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, each in inner for place in places(each, (*at, key)))]


@given(st.sampled_from(places(valid_group())[1:]), JSON | st.sampled_from(["", "a\nb", "x" * 3000, -1, 2**40, [], {}]))
def test_nothing_with_a_violation_is_called_valid(place: tuple[str | int, ...], value: Any) -> None:
    group = valid_group()
    target: Any = group
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = value
    schema = document().schema("ContainerGroupPrototype")
    if fast_check_of(schema)(group):
        assert violations_of(schema, group) == []


@given(JSON, st.sampled_from(document().schema_names))
def test_no_value_is_called_valid_by_mistake_for_any_schema(value: Any, name: str) -> None:
    schema = document().schema(name)
    if fast_check_of(schema)(value):
        assert violations_of(schema, value) == []


@pytest.mark.parametrize("schema", [{"oneOf": []}, {"const": 1}, {"items": [{}]}], ids=str)
def test_an_unknown_keyword_leaves_it_to_the_slow_way(schema: dict[str, Any]) -> None:
    assert not fast_check(schema, lambda _value, _format: True)([1])
