"""Whatever a client sends, it gets an answer that the OpenAPI document describes: never an internal error."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.simulator.api_client import api
from tests.unit.simulator.world import UNTIL_RUNNING_S, probe, prototype

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)
FULL = prototype(
    country_codes=["de"],
    display_name="Web",
    networking={"auth": False, "port": 80, "protocol": "http"},
    startup_probe=probe(),
    liveness_probe={
        **{name: value for name, value in probe().items() if name != "tcp"},
        "http": {"path": "/", "port": 80, "scheme": "http", "headers": [{"name": "a", "value": "b"}]},
    },
    container={
        "image": "nginx",
        "command": ["a"],
        "environment_variables": {"A": "b"},
        "priority": "low",
        "registry_authentication": {"basic": {"username": "u", "password": "p"}},
        "resources": {"cpu": 1, "memory": 1024, "gpu_classes": [], "storage_amount": 2**30, "shm_size": 64},
    },
)
QUERY = {
    "query": 'severity = "info"',
    "start_time": "2030-01-01T00:00:00Z",
    "end_time": "2030-01-01T00:00:01Z",
    "page_size": 5,
    "sort_order": "asc",
}
BODIES: dict[str, Any] = {
    "create_container_group": FULL,
    "update_container_group": {name: FULL[name] for name in ("container", "replicas", "startup_probe", "networking")},
    "query_log_entries": QUERY,
    "get_gpu_availability": {"gpu_classes": ["ed563892-aacd-40f5-80b7-90c9be6c759b"], "memory": 1, "country_codes": []},
    "get_cpu_availability": {"cpu": 1},
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all members and items of a JSON value, itself included."""
    found = [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    """A copy of `value` with something else at `path`."""
    if not path:
        return by
    result = copy.deepcopy(value)
    target = result
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = by
    return result


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, Any]:
    """An operation, and its valid body with up to three places replaced by anything."""
    operation = draw(st.sampled_from(sorted(BODIES)))
    body = BODIES[operation]
    for _ in range(draw(st.integers(0, 3))):
        body = replaced(body, draw(st.sampled_from(places(body))), draw(JSON))
    return operation, body


@given(st.lists(requests(), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
async def test_bodies(calls: list[tuple[str, Any]]) -> None:
    async with api(requests_per_minute=10_000) as client:
        for operation, body in calls:
            await client.call(operation, body)
        client.clock.advance(UNTIL_RUNNING_S)
        for group in (await client.call("list_container_groups")).body["items"]:
            await client.call("get_system_logs", container_group_name=group["name"])
            await client.call("list_container_group_instances", container_group_name=group["name"])
        state = await client.control("GET", "/state")
        assert state.status == 200
