"""The packaged OpenAPI document: its operations, and its judgement of bodies, which repeats no values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.saladcloud.models import Violation, document, violations
from scvk.saladcloud.models.patterns import LINE_BREAKS, compiled
from scvk.saladcloud.models.violations import MAX_TOLD

UUID = "ab3a4591-efc3-46c0-b06a-3d820c0ec100"
SMALLEST: dict[str, Any] = {
    "name": "web",
    "container": {"image": "nginx", "resources": {"cpu": 1, "memory": 1024}},
    "replicas": 1,
    "restart_policy": "always",
    "autostart_policy": True,
}


def with_container(**fields: Any) -> dict[str, Any]:
    return {**SMALLEST, "container": {**SMALLEST["container"], **fields}}


def resources(**fields: Any) -> dict[str, Any]:
    return with_container(resources={"cpu": 1, "memory": 1024, **fields})


def test_the_document_is_the_one_that_the_models_were_written_for() -> None:
    assert document().version == "0.9.0-alpha.17"
    assert document() is document()


def test_the_smallest_create_request_is_valid() -> None:
    assert violations("ContainerGroupPrototype", SMALLEST) == []


@pytest.mark.parametrize(
    ("body", "path", "message"),
    [
        pytest.param({**SMALLEST, "name": "Web"}, "name", "does not match ^[a-z][a-z0-9-]{0,61}[a-z0-9]$", id="name"),
        pytest.param(
            {**SMALLEST, "name": "web\n"},
            "name",
            "does not match ^[a-z][a-z0-9-]{0,61}[a-z0-9]$",
            id="name, break",
        ),
        pytest.param({**SMALLEST, "replicas": 501}, "replicas", "greater than 500", id="maximum"),
        pytest.param({**SMALLEST, "replicas": "1"}, "replicas", "must be integer", id="type"),
        pytest.param({**SMALLEST, "replicas": True}, "replicas", "must be integer", id="bool is no integer"),
        pytest.param(
            {**SMALLEST, "restart_policy": "maybe"},
            "restart_policy",
            "must be one of always, on_failure, never",
            id="enum",
        ),
        pytest.param({**SMALLEST, "country_codes": []}, "country_codes", "fewer than 1 item", id="minItems"),
        pytest.param(
            {**SMALLEST, "country_codes": ["xx"]},
            "country_codes[0]",
            "must be one of 249 known values",
            id="long enum",
        ),
        pytest.param(with_container(command=["a"] * 101), "container.command", "more than 100 items", id="maxItems"),
        pytest.param(
            with_container(command=["a", ""]),
            "container.command[1]",
            "shorter than 1 character",
            id="minLength",
        ),
        pytest.param(
            with_container(command=["x" * 1001]),
            "container.command[0]",
            "longer than 1000 characters",
            id="maxLength",
        ),
        pytest.param(with_container(command="ls"), "container.command", "must be array or null", id="two types"),
        pytest.param(
            with_container(environment_variables={"FOO": "x" * 1001}),
            "container.environment_variables.FOO",
            "longer than 1000 characters",
            id="environment value",
        ),
        pytest.param(with_container(image="a\nb"), "container.image", "contains a line break", id="pattern"),
        pytest.param(resources(memory=1023), "container.resources.memory", "less than 1024", id="minimum"),
        pytest.param(resources(gpu_classes=["rtx"]), "container.resources.gpu_classes[0]", "is no uuid", id="uuid"),
        pytest.param(
            {**SMALLEST, "container": {"image": "a"}},
            "container.resources",
            "required, but missing",
            id="required",
        ),
        pytest.param([], "", "must be object", id="no object at all"),
    ],
)
def test_a_violation_says_where_and_which_rule(body: Any, path: str, message: str) -> None:
    assert violations("ContainerGroupPrototype", body) == [Violation(path, message)]


def test_all_violations_are_told() -> None:
    assert [v.path for v in violations("ContainerGroupPrototype", {})] == [
        "autostart_policy",
        "container",
        "name",
        "replicas",
        "restart_policy",
    ]


@pytest.mark.parametrize("line_break", ["\n", "\r", "\r\n", "\u2028", "\u2029"], ids=repr)
@pytest.mark.parametrize("template", ["{}", "abc{}", "{}abc", "a{}b"])
def test_no_line_break_passes_anywhere_in_a_value(template: str, line_break: str) -> None:
    body = with_container(environment_variables={"FOO": template.format(line_break)})
    assert violations("ContainerGroupPrototype", body) == [
        Violation("container.environment_variables.FOO", "contains a line break")
    ]


@given(st.text(min_size=1, max_size=50))
def test_a_value_is_valid_exactly_if_it_is_one_line(value: str) -> None:
    valid = violations("ContainerGroupPrototype", with_container(environment_variables={"FOO": value})) == []
    assert valid is not any(character in LINE_BREAKS for character in value)


SECRET_BODIES = [
    with_container(environment_variables={"FOO": "hunter2" * 200}),
    with_container(environment_variables={"FOO": "hunter2\n"}),
    with_container(registry_authentication={"basic": {"username": "hunter2\n", "password": "hunter2\n"}}),
    with_container(logging={"axiom": {"host": "h", "api_token": "hunter2\n", "dataset": ["hunter2"]}}),
    with_container(priority="hunter2"),
    resources(gpu_classes=["hunter2"]),
]


@pytest.mark.parametrize("body", SECRET_BODIES)
def test_a_violation_never_repeats_a_value(body: dict[str, Any]) -> None:
    found = violations("ContainerGroupPrototype", body)
    assert found
    assert not any("hunter2" in str(violation) for violation in found)


@pytest.mark.parametrize(
    ("time", "valid"),
    [
        ("2026-01-02T03:04:05Z", True),
        ("2026-01-02T03:04:05.123+01:00", True),
        ("2026-01-02T03:04:05", False),
        ("soon", False),
    ],
)
def test_times_have_an_offset(time: str, valid: bool) -> None:
    body = {"query": "", "start_time": time, "end_time": "2026-01-02T03:04:05Z"}
    assert violations("LogEntryQuery", body) == ([] if valid else [Violation("start_time", "is no date-time")])


def test_a_list_that_is_too_long_is_not_looked_through() -> None:
    """A request of some megabytes would otherwise be checked for a minute."""
    for wrong in ("", 1, "fine"):
        body = with_container(command=[wrong] * 101)
        assert violations("ContainerGroupPrototype", body) == [Violation("container.command", "more than 100 items")]


def test_of_very_many_violations_some_are_told() -> None:
    body = with_container(environment_variables={f"V{number}": "" for number in range(10 * MAX_TOLD)})
    assert len(violations("ContainerGroupPrototype", body)) == MAX_TOLD


def test_fields_beyond_a_closed_object_are_violations() -> None:
    assert violations("ContainerGroupInstancePatch", {"cost": 1}) == [Violation("cost", "no such field")]


def test_unknown_schemas_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        violations("Nonsense", {})


def test_every_component_schema_resolves_without_references() -> None:
    for name in document().schema_names:
        assert "$ref" not in repr(document().schema(name))


def test_an_operation_knows_its_path_and_parameters() -> None:
    operation = document().operation("get_container_group_instance")
    assert operation.method == "GET"
    assert operation.path == (
        "/organizations/{organization_name}/projects/{project_name}"
        "/containers/{container_group_name}/instances/{container_group_instance_id}"
    )
    good = {"organization_name": "acme", "project_name": "default", "container_group_name": "web"}
    assert operation.path_violations({**good, "container_group_instance_id": UUID}) == []
    assert operation.path_violations({**good, "container_group_instance_id": "../x"}) == [
        Violation("container_group_instance_id", "is no uuid")
    ]


def test_an_operation_knows_its_request() -> None:
    patch = document().operation("update_container_group")
    assert patch.request is not None
    assert patch.request.media_type == "application/merge-patch+json"
    assert patch.request_violations({"replicas": 1}) == []
    assert patch.request_violations({"replicas": -1}) == [Violation("replicas", "less than 0")]
    assert document().operation("list_container_groups").request_violations(None) == []
    assert document().operation("list_container_groups").request_violations({}) == [
        Violation("", "this operation takes no body")
    ]


@pytest.mark.parametrize(
    ("operation", "status", "body", "count"),
    [
        ("list_container_groups", 200, {"items": []}, 0),
        ("list_container_groups", 200, {}, 1),
        ("list_container_groups", 429, {"title": "Too Many Requests"}, 0),
        ("list_container_groups", 503, {"status": 503}, 0),
        ("list_container_groups", 503, {"status": "503"}, 1),
        ("delete_container_group", 202, None, 0),
        ("delete_container_group", 202, {}, 1),
        ("create_container_group", 201, {}, 18),
    ],
)
def test_an_operation_knows_its_answers(operation: str, status: int, body: Any, count: int) -> None:
    assert len(document().operation(operation).response_violations(status, body)) == count


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (r"^a$", "a\n", False),
        (r"a\.b", "a.b", True),
        (r"a\.b", "axb", False),
        (r"^[.$]+$", "$.", True),
        (r"^[.$]+$", "ab", False),
        (r"^\d$", "٣", False),
        (r"^\$$", "$", True),
    ],
)
def test_patterns_are_read_in_the_dialect_of_json_schema(pattern: str, text: str, matches: bool) -> None:
    assert bool(compiled(pattern).search(text)) is matches
