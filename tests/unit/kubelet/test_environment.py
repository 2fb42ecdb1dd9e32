"""`$(NAME)` references and the order of variables, as the kubelet has them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightkube.models.core_v1 import Container, EnvVar

from scvk.kubelet.environment import (
    Resolved,
    Unresolved,
    UnresolvedEntry,
    expand,
    expand_static,
    resolve,
    unresolved_entries,
)

PATH = "spec.containers[0]"


@pytest.mark.parametrize(
    ("text", "expected"),
    # The table of third_party/forked/golang/expansion/expand_test.go, shortened.
    [
        ("", ""),
        ("plain", "plain"),
        ("$(A)", "a"),
        ("___$(B)___", "___b___"),
        ("$(A)$(B)", "ab"),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$a"),
        ("$$$$(A)", "$$(A)"),
        ("$(", "$("),
        ("$((A))", "$((A))"),
        ("$(A", "$(A"),
        ("$A", "$A"),
        ("$", "$"),
        ("$$", "$"),
        ("$$$", "$$"),
        ("cost: 5$", "cost: 5$"),
        ("$()", "$()"),
        ("$(EMPTY)", ""),
        ("$(REFERENCE)", "$(A)"),
        ("foo$$bar", "foo$bar"),
        ("$é$(A)", "$éa"),
        ("$(A $(B)", "$(A $(B)"),
    ],
)
def test_references_are_replaced_once(text: str, expected: str) -> None:
    assert expand(text, {"A": "a", "B": "b", "EMPTY": "", "REFERENCE": "$(A)"}) == expected


@given(st.text(alphabet="$()AB x"), st.dictionaries(st.sampled_from("AB"), st.text(max_size=3)))
def test_any_text_expands(text: str, variables: dict[str, str]) -> None:
    assert isinstance(expand(text, variables), str)


@given(st.text())
def test_doubling_every_dollar_escapes_any_text(text: str) -> None:
    assert expand(text.replace("$", "$$"), {"A": "a"}) == text


def container(**fields: Any) -> Container:
    return msgspec.convert({"name": "main", **fields}, Container)


def environment_of(*entries: dict[str, Any]) -> dict[str, str]:
    return dict(resolve(container(env=list(entries)), PATH).inputs.environment)


def test_a_reference_sees_only_what_stands_before_it() -> None:
    assert environment_of(
        {"name": "URL", "value": "http://$(HOST)"},
        {"name": "HOST", "value": "example"},
        {"name": "LATE", "value": "http://$(HOST)"},
    ) == {"URL": "http://$(HOST)", "HOST": "example", "LATE": "http://example"}


def test_a_later_entry_of_the_same_name_wins_and_may_refer_to_the_earlier() -> None:
    assert environment_of({"name": "PATH", "value": "/bin"}, {"name": "PATH", "value": "$(PATH):/opt"}) == {
        "PATH": "/bin:/opt"
    }


def test_no_value_is_the_empty_value() -> None:
    assert environment_of({"name": "EMPTY"}, {"name": "ALSO", "value": ""}) == {"EMPTY": "", "ALSO": ""}


def test_command_and_args_see_the_finished_environment() -> None:
    resolution = resolve(
        container(
            command=["serve", "$(PORT)"],
            args=["--host=$(HOST)", "$$(PORT)"],
            env=[{"name": "PORT", "value": "80"}, {"name": "PORT", "value": "81"}],
        ),
        PATH,
    )
    assert isinstance(resolution, Resolved)
    assert resolution.inputs.command == ("serve", "81")
    assert resolution.inputs.args == ("--host=$(HOST)", "$(PORT)")


def test_values_from_elsewhere_are_named_with_their_path() -> None:
    subject = container(
        envFrom=[{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "keys"}, "prefix": "P_"}],
        env=[
            {"name": "A", "value": "a"},
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "B", "value": "$(TOKEN)-$(A)"},
        ],
    )
    resolution = resolve(subject, PATH)
    assert isinstance(resolution, Unresolved)
    assert resolution.entries == (
        UnresolvedEntry("spec.containers[0].envFrom[0]", "configMapRef", None),
        UnresolvedEntry("spec.containers[0].envFrom[1]", "secretRef", None),
        UnresolvedEntry("spec.containers[0].env[1].valueFrom", "secretKeyRef", "TOKEN"),
        UnresolvedEntry("spec.containers[0].env[2].valueFrom", "fieldRef", "IP"),
    )
    assert dict(resolution.inputs.environment) == {"A": "a", "B": "$(TOKEN)-a"}
    assert unresolved_entries(subject, PATH) == resolution.entries


def test_exec_probes_see_literal_values_unexpanded() -> None:
    env = [EnvVar(name="A", value="$(B)"), EnvVar(name="B", value="b")]
    assert expand_static(["$(A)", "$(B)", "$(C)"], env) == ("$(B)", "b", "$(C)")
