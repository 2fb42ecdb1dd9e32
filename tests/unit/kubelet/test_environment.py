"""Variables, command and arguments, as the kubelet has them (TestMakeEnvironmentVariables, and its expansion)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightkube.models.core_v1 import Container, EnvVar

from scvk.kubelet.environment import UnresolvedEntry, expand, expand_static, unresolved_entries
from tests.unit.kubelet.given_objects import a_pod, a_service, main_of, objects, resolved

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


def environment_of(*entries: dict[str, Any]) -> dict[str, str]:
    return dict(main_of(a_pod(env=list(entries))).environment)


def of_secret(name: str, key: str, **more: Any) -> dict[str, Any]:
    return {"valueFrom": {"secretKeyRef": {"name": name, "key": key, **more}}}


def of_config(name: str, key: str, **more: Any) -> dict[str, Any]:
    return {"valueFrom": {"configMapKeyRef": {"name": name, "key": key, **more}}}


# -- literal values --------------------------------------------------------------------------------------------------


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


def test_a_value_wins_over_a_source_that_stands_beside_it() -> None:
    assert environment_of({"name": "A", "value": "a", **of_secret("none", "k")}) == {"A": "a"}


def test_command_and_args_see_the_finished_environment() -> None:
    inputs = main_of(
        a_pod(
            command=["serve", "$(PORT)"],
            args=["--host=$(HOST)", "$$(PORT)"],
            env=[{"name": "PORT", "value": "80"}, {"name": "PORT", "value": "81"}],
        )
    )
    assert inputs.command == ("serve", "81")
    assert inputs.args == ("--host=$(HOST)", "$(PORT)")


# -- values of other objects -----------------------------------------------------------------------------------------


KNOWN = objects(
    config_maps={"settings": {"mode": "fast", "LEVEL": "3", "ref": "$(mode)"}, "more": {"mode": "slow"}},
    binary={"settings": {"blob": b"\x00\xff"}},
    secrets={"keys": {"token": b"t0ken", "name": "é".encode(), "raw": b"\xff\xfe", "nul": b"a\0b"}},
)


def test_env_from_brings_every_key_in_order_with_its_prefix() -> None:
    inputs = main_of(
        a_pod(
            envFrom=[
                {"configMapRef": {"name": "settings"}, "prefix": "S_"},
                {"configMapRef": {"name": "settings"}},
                {"configMapRef": {"name": "more"}},
            ],
            env=[{"name": "S_mode", "value": "own"}],
        ),
        KNOWN,
    )
    assert list(inputs.environment.items()) == [
        ("S_LEVEL", "3"),
        ("S_mode", "own"),
        ("S_ref", "$(mode)"),
        ("LEVEL", "3"),
        ("mode", "slow"),
        ("ref", "$(mode)"),
    ], "the last one wins, `env` over all; what comes from elsewhere is not expanded; bytes are no variables"


def test_keys_are_taken_by_name_and_seen_by_later_references() -> None:
    inputs = main_of(
        a_pod(
            args=["--token=$(TOKEN)", "--mode=$(MODE)"],
            env=[
                {"name": "TOKEN", **of_secret("keys", "token")},
                {"name": "MODE", **of_config("settings", "mode")},
                {"name": "URL", "value": "http://$(MODE).example"},
            ],
        ),
        KNOWN,
    )
    assert dict(inputs.environment) == {"TOKEN": "t0ken", "MODE": "fast", "URL": "http://fast.example"}
    assert inputs.args == ("--token=t0ken", "--mode=fast")


def test_each_variable_knows_the_entry_that_gave_it_its_value() -> None:
    inputs = main_of(
        a_pod(
            envFrom=[{"configMapRef": {"name": "settings"}}, {"configMapRef": {"name": "more"}}],
            env=[
                {"name": "A", "value": "a"},
                {"name": "LEVEL", **of_secret("keys", "token")},
                {"name": "ref", **of_secret("absent", "k", optional=True)},
            ],
        ),
        objects(
            config_maps={"settings": {"LEVEL": "3", "mode": "fast", "ref": "r"}, "more": {"mode": "slow"}},
            secrets={"keys": {"token": b"t"}},
            services=[a_service("db")],
        ),
    )
    assert inputs.origins == {
        "A": f"{PATH}.env[0]",
        "LEVEL": f"{PATH}.env[1]",
        "mode": f"{PATH}.envFrom[1]",
        "ref": f"{PATH}.envFrom[0]",
    }
    assert set(inputs.environment) - set(inputs.origins) == {name for name in inputs.environment if "DB_" in name}


def test_what_holds_something_of_a_secret_is_named_also_by_reference() -> None:
    inputs = main_of(
        a_pod(
            command=["run", "$(AUTH)", "$(MODE)"],
            args=["$(TOKEN)", "$$(TOKEN)"],
            envFrom=[{"secretRef": {"name": "login"}}],
            env=[
                {"name": "TOKEN", **of_secret("keys", "token")},
                {"name": "AUTH", "value": "Bearer $(TOKEN)"},
                {"name": "DEEP", "value": "$(AUTH)"},
                {"name": "MODE", **of_config("settings", "mode")},
                {"name": "password", "value": "no longer"},
                {"name": "ESCAPED", "value": "$$(TOKEN)"},
            ],
        ),
        objects(
            config_maps={"settings": {"mode": "fast"}},
            secrets={"keys": {"token": b"t"}, "login": {"user": b"u", "password": b"p"}},
        ),
    )
    assert inputs.secret_variables == {"TOKEN", "AUTH", "DEEP", "user"}
    assert (set(inputs.secret_command), set(inputs.secret_args)) == ({1}, {0})


def test_no_value_stands_in_a_repr() -> None:
    resolution = resolved(a_pod(args=["$(T)"], env=[{"name": "T", **of_secret("keys", "token")}]), KNOWN)
    assert "t0ken" not in repr((resolution, KNOWN))


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(of_secret("absent", "k", optional=True), id="secret"),
        pytest.param(of_secret("keys", "absent", optional=True), id="key of a secret"),
        pytest.param(of_config("absent", "k", optional=True), id="config map"),
        pytest.param(of_config("settings", "blob", optional=True), id="bytes of a config map"),
    ],
)
def test_an_optional_value_that_is_not_there_leaves_the_variable_as_it_was(entry: dict[str, Any]) -> None:
    subject = a_pod(
        envFrom=[{"configMapRef": {"name": "more"}}],
        env=[{"name": "mode", **entry}, {"name": "NEW", **entry}, {"name": "REF", "value": "$(NEW)"}],
    )
    assert dict(main_of(subject, KNOWN).environment) == {"mode": "slow", "REF": "$(NEW)"}


@pytest.mark.parametrize(
    ("fields", "path", "event_reason"),
    [
        pytest.param(
            {"envFrom": [{"configMapRef": {"name": "absent"}}]},
            "envFrom[0].configMapRef",
            "MandatoryConfigMapNotFound",
            id="envFrom config map",
        ),
        pytest.param(
            {"envFrom": [{"secretRef": {"name": "absent", "optional": False}}]},
            "envFrom[0].secretRef",
            "MandatorySecretNotFound",
            id="envFrom secret",
        ),
        pytest.param(
            {"env": [{"name": "A", **of_config("absent", "k")}]},
            "env[0].valueFrom.configMapKeyRef",
            "MandatoryConfigMapNotFound",
            id="config map",
        ),
        pytest.param(
            {"env": [{"name": "A", **of_config("settings", "blob")}]},
            "env[0].valueFrom.configMapKeyRef",
            "MandatoryConfigMapKeyNotFound",
            id="key of a config map",
        ),
        pytest.param(
            {"env": [{"name": "A", **of_secret("absent", "k")}]},
            "env[0].valueFrom.secretKeyRef",
            "MandatorySecretNotFound",
            id="secret",
        ),
        pytest.param(
            {"env": [{"name": "A", **of_secret("keys", "absent")}]},
            "env[0].valueFrom.secretKeyRef",
            "MandatorySecretKeyNotFound",
            id="key of a secret",
        ),
        pytest.param(
            {"env": [{"name": "A", **of_secret("keys", "raw")}]}, "env[0].valueFrom.secretKeyRef", "Failed", id="bytes"
        ),
        pytest.param(
            {"env": [{"name": "A", **of_secret("keys", "nul")}]}, "env[0].valueFrom.secretKeyRef", "Failed", id="NUL"
        ),
        pytest.param(
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.phase"}}}]},
            "env[0].valueFrom.fieldRef",
            "Failed",
            id="field",
        ),
        pytest.param(
            {"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.gpu"}}}]},
            "env[0].valueFrom.resourceFieldRef",
            "Failed",
            id="resource",
        ),
    ],
)
def test_what_is_missing_keeps_the_container_from_being_created(
    fields: dict[str, Any], path: str, event_reason: str
) -> None:
    (missing,) = resolved(a_pod(**fields), KNOWN).missing
    assert (missing.path, missing.event_reason) == (f"{PATH}.{path}", event_reason)
    assert missing.reason == "CreateContainerConfigError"
    assert missing.path in missing.message


def test_everything_that_is_missing_is_told_at_once() -> None:
    subject = a_pod(
        envFrom=[{"secretRef": {"name": "keys"}}],
        env=[{"name": "A", **of_config("absent", "k")}, {"name": "B", **of_secret("keys", "absent")}],
    )
    assert [missing.event_reason for missing in resolved(subject, KNOWN).missing] == [
        "Failed",
        "Failed",
        "MandatoryConfigMapNotFound",
        "MandatorySecretKeyNotFound",
    ]


@pytest.mark.parametrize("key", ["UPPER", "lower", "1st", "a.b-c_d", "-", "."])
def test_any_key_can_be_a_variable(key: str) -> None:
    subject = a_pod(envFrom=[{"configMapRef": {"name": "odd"}, "prefix": "P "}])
    assert dict(main_of(subject, objects(config_maps={"odd": {key: "v"}})).environment) == {f"P {key}": "v"}


@pytest.mark.parametrize("prefix", ["A=", "é", "tab\t", "\x7f"])
def test_keys_that_can_be_no_variables_are_skipped_with_a_word(prefix: str) -> None:
    subject = a_pod(envFrom=[{"configMapRef": {"name": "more"}, "prefix": prefix}])
    resolution = resolved(subject, KNOWN)
    assert dict(resolution.inputs.containers["main"].environment) == {}
    (notice,) = resolution.inputs.notices
    assert (notice.reason, notice.path) == ("InvalidEnvironmentVariableNames", f"{PATH}.envFrom[0]")


# -- the pod's own fields --------------------------------------------------------------------------------------------


def test_a_pod_without_an_address_goes_without_the_variable_and_refers_to_nothing() -> None:
    inputs = main_of(
        a_pod(
            args=["--bind=$(IP):80"],
            envFrom=[{"configMapRef": {"name": "old"}}],
            env=[
                {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                {"name": "URL", "value": "http://$(IP)/"},
            ],
        ),
        objects(config_maps={"old": {"IP": "1.2.3.4"}}),
    )
    assert dict(inputs.environment) == {"URL": "http:///"}
    assert inputs.args == ("--bind=:80",)


# -- Services --------------------------------------------------------------------------------------------------------


def test_variables_of_services_give_way_and_can_be_referred_to() -> None:
    inputs = main_of(
        a_pod(env=[{"name": "DB_PORT", "value": "mine"}, {"name": "URL", "value": "$(DB_SERVICE_HOST)/$(DB_PORT)"}]),
        objects(services=[a_service("db")]),
    )
    assert inputs.environment["DB_PORT"] == "mine"
    assert inputs.environment["URL"] == "10.1.0.1/mine"
    assert inputs.environment["DB_SERVICE_HOST"] == "10.1.0.1"


# -- what cannot be had ----------------------------------------------------------------------------------------------


def test_entries_that_nothing_can_resolve_are_named_with_their_path() -> None:
    subject = msgspec.convert(
        {
            "name": "main",
            "envFrom": [{"configMapRef": {"name": "settings"}}, {"prefix": "P_"}],
            "env": [
                {"name": "A", "value": "a"},
                {"name": "T", **of_secret("keys", "token")},
                {"name": "F", "valueFrom": {"fileKeyRef": {"key": "k", "path": "p", "volumeName": "v"}}},
                {"name": "N", "valueFrom": {}},
            ],
        },
        Container,
    )
    assert unresolved_entries(subject, PATH) == (
        UnresolvedEntry("spec.containers[0].envFrom[1]", "an unknown source", None),
        UnresolvedEntry("spec.containers[0].env[2].valueFrom", "fileKeyRef", "F"),
        UnresolvedEntry("spec.containers[0].env[3].valueFrom", "an unknown source", "N"),
    )


def test_exec_probes_see_literal_values_unexpanded() -> None:
    env = [EnvVar(name="A", value="$(B)"), EnvVar(name="B", value="b")]
    assert expand_static(["$(A)", "$(B)", "$(C)"], env) == ("$(B)", "b", "$(C)")
